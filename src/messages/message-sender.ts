import type { Conversation } from './message.ts'

/** Ports to the services that deliver messages. Teams edits what it sent, within limits; mail sends once. */

export interface RenderedCard {
  /** Adaptive Card 1.5 as JSON. */
  readonly card: object
  /** The text of the notification. */
  readonly summary: string
}

/** Sends cards. Every method throws SenderBusy or Unreachable; any other error is a fault in Latchkey. */
export interface MessageSender {
  /** Opens the personal chat with a person (Entra object id), or finds the existing one. */
  open(objectId: string): Promise<Conversation>
  /** @returns the service's id of the message */
  send(to: Conversation, message: RenderedCard): Promise<string>
  update(to: Conversation, reference: string, message: RenderedCard): Promise<void>
  /** Starts a new thread in the channel with this id. */
  post(channelId: string, message: RenderedCard): Promise<void>
}

export interface Mail {
  readonly to: string
  readonly subject: string
  readonly html: string
  /** Identifies this mail, so that a mail that arrives twice can be recognised. */
  readonly id: string
}

/** Sends mail. Throws SenderBusy or Unreachable. */
export interface Mailer {
  send(mail: Mail): Promise<void>
}

/** Port: allows one operation at a time in each conversation, and no more than the service's limits. */
export interface Budget {
  /** @returns a permit, to be given back after the operation; or the number of ms to wait for one */
  take(conversation: string): Promise<{ readonly giveBack: () => Promise<void> } | { readonly waitMs: number }>
}

/** The conversation or the service is busy. Try again after `waitMs`. */
export class SenderBusy extends Error {
  override readonly name = 'SenderBusy'
  readonly waitMs: number
  /** True: refused, and nothing was done. False: the answer was lost, and it may have been done. */
  readonly refused: boolean

  constructor(waitMs: number, options: ErrorOptions & { readonly refused?: boolean } = {}) {
    super(`The channel asks to wait ${waitMs} ms.`, options)
    this.waitMs = waitMs
    this.refused = options.refused ?? false
  }
}

/** The reader cannot be reached: the app is not installed, the person blocked it, or the conversation is gone. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable'
  /** Why the reader cannot be reached, as a sentence. */
  readonly reason: string

  constructor(reason: string, options?: ErrorOptions) {
    super(reason, options)
    this.reason = reason
  }
}
