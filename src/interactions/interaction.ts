import type { Conversation } from '../messages/message.ts'
import type { RenderedCard } from '../messages/message-sender.ts'
import type { Caller } from '../rules/caller.ts'

/** What a room hands over, once it is proven who the person is: the room converts and forwards, the bot answers. */

export interface Interaction {
  /** Proven by the room's token: tenant and object id. No app roles come this way. */
  readonly caller: Caller
  /** Where it was written or clicked. */
  readonly conversation: Conversation
  /** A new message in the same place: text, or a card. */
  reply(answer: string | RenderedCard): Promise<void>
}

/** What a person wrote. */
export interface ChatMessage {
  /** One line as the person read it: no markup, one space between words. */
  readonly text: string
  /** The room's id of the message; the same when it arrives again. */
  readonly id: string | undefined
}

/** What a person does with a card's button. */
export interface Click {
  readonly verb: string
  /** From the card and its inputs: forgeable, never authority. */
  readonly data: Readonly<Record<string, unknown>>
  /** The message whose card was clicked. */
  readonly reference: string | undefined
  /** `automatic`: the client refreshes the card by itself. */
  readonly trigger: 'manual' | 'automatic'
}

/** What the card becomes for whoever clicked, a line below it, or why not. */
export type ClickAnswer =
  | { readonly card: object }
  | { readonly message: string }
  | { readonly error: { readonly code: string; readonly message: string } }

/** Throws nothing that a person should read: refusals are answers. */
export interface Bot {
  onMessage(interaction: Interaction, message: ChatMessage): Promise<void>
  onClick(interaction: Interaction, click: Click): Promise<ClickAnswer>
  /** The app was installed for this person, or came into this conversation. May be told more than once. */
  onInstalled(interaction: Interaction): Promise<void>
}
