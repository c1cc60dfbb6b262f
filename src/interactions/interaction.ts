import type { Conversation } from '../messages/message.ts'
import type { RenderedCard } from '../messages/message-sender.ts'
import type { Caller } from '../rules/caller.ts'

/**
 * Port between a chat service and the bot. The chat service proves who the person is, converts and forwards; the bot
 * answers.
 */

export interface Interaction {
  /** Tenant and object id, proven by the chat service's token. It names no app roles, so `roles` is empty. */
  readonly caller: Caller
  /** Where the person wrote or clicked. */
  readonly conversation: Conversation
  /** Sends a new message to the same conversation: text, or a card. */
  reply(answer: string | RenderedCard): Promise<void>
}

/** A message that a person wrote. */
export interface ChatMessage {
  /** One line as the person read it: no markup, one space between words. */
  readonly text: string
  /** The chat service's id of the message. It is the same when the message is delivered again. */
  readonly id: string | undefined
}

/** A click on a card's button. */
export interface Click {
  readonly verb: string
  /** The data come from the card and its inputs. The client can forge them, so they are never authoritative. */
  readonly data: Readonly<Record<string, unknown>>
  /** The message whose card was clicked. */
  readonly reference: string | undefined
  /** `automatic`: the client refreshes the card by itself. */
  readonly trigger: 'manual' | 'automatic'
}

/** What the person who clicked gets: the card in its new state, a line below the card, or the reason for a refusal. */
export type ClickAnswer =
  | { readonly card: object }
  | { readonly message: string }
  | { readonly error: { readonly code: string; readonly message: string } }

/** Refusals are answered, not thrown. A thrown error is a fault, and its text is not for people. */
export interface Bot {
  onMessage(interaction: Interaction, message: ChatMessage): Promise<void>
  onClick(interaction: Interaction, click: Click): Promise<ClickAnswer>
  /** The app was installed for this person, or added to this conversation. May be called more than once. */
  onInstalled(interaction: Interaction): Promise<void>
}
