import type { Conversation } from '../messages/message.ts'
import type { RenderedCard } from '../messages/message-sender.ts'
import type { Caller } from '../rules/caller.ts'

/** What Teams brings, once it is proven whose it is: the adapter converts and forwards, the bot answers. */

export interface Interaction {
  /** Proven by the channel's token: tenant and object id. No app roles come this way. */
  readonly caller: Caller
  /** Where it was said or clicked; `userId` is the caller's. */
  readonly conversation: Conversation
  /** Names what was said, also when it arrives again. */
  readonly activityId: string | undefined
  /** A new message in the same place: text, or a card. */
  reply(answer: string | RenderedCard): Promise<void>
}

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
  said(interaction: Interaction, text: string): Promise<void>
  acted(interaction: Interaction, click: Click): Promise<ClickAnswer>
  /** The app was installed for this person, or came into this conversation. May be told more than once. */
  installed(interaction: Interaction): Promise<void>
}
