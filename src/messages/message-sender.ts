import type { Conversation } from './message.ts'

/** Ports: the places where copies are shown, drawn from Teams (edits what it sent, within limits) and mail (sends once). */

export interface RenderedCard {
  /** Adaptive Card 1.5 as JSON. */
  readonly card: object
  /** What a notification shows. */
  readonly summary: string
}

/** Every method throws SenderBusy or Unreachable; any other error is a fault of ours. */
export interface MessageSender {
  /** The personal chat with that person; finds the one there is. */
  open(objectId: string): Promise<Conversation>
  /** Returns the id of the message. */
  send(to: Conversation, message: RenderedCard): Promise<string>
  update(to: Conversation, reference: string, message: RenderedCard): Promise<void>
  /** A new thread in the channel with this id. */
  post(channelId: string, message: RenderedCard): Promise<void>
}

export interface Mail {
  readonly to: string
  readonly subject: string
  readonly html: string
  /** Names this mail: one that arrives twice can be known by it. */
  readonly id: string
}

/** Throws SenderBusy or Unreachable. */
export interface Mailer {
  send(mail: Mail): Promise<void>
}

/** Port: one operation at a time in each conversation, and no more than its limits allow. */
export interface Budget {
  /** A turn, to be given back after the operation; or not before so many ms from now. */
  take(conversation: string): Promise<{ readonly giveBack: () => Promise<void> } | { readonly waitMs: number }>
}

/** Not now: the conversation or the service is busy. */
export class SenderBusy extends Error {
  override readonly name = 'SenderBusy'
  readonly waitMs: number
  /** It was refused before anything was done. Otherwise nobody knows: an answer was lost. */
  readonly refused: boolean

  constructor(waitMs: number, options: ErrorOptions & { readonly refused?: boolean } = {}) {
    super(`The channel asks to wait ${waitMs} ms.`, options)
    this.waitMs = waitMs
    this.refused = options.refused ?? false
  }
}

/** Not there any more, or never: the app is not installed, the person blocked it, the conversation is gone. `reason` is a sentence. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable'
  readonly reason: string

  constructor(reason: string, options?: ErrorOptions) {
    super(reason, options)
    this.reason = reason
  }
}
