import type { AppState } from '../apps.ts'
import type { Message } from '../messages.ts'

/** The messages from the sandbox's server to its page. */

export interface WirePerson {
  readonly objectId: string
  /** `29:…` */
  readonly id: string
  readonly name: string
  readonly jobTitle: string
  readonly app: AppState
}

export interface WireMessage extends Message {
  readonly fromName: string
}

export interface Snapshot {
  readonly botName: string
  readonly teamName: string
  readonly channelName: string
  /** The number of members of the channel. */
  readonly members: number
  readonly people: readonly WirePerson[]
  readonly messages: readonly WireMessage[]
}

export type WireEvent =
  | { readonly type: 'snapshot'; readonly snapshot: Snapshot }
  | { readonly type: 'message'; readonly message: WireMessage }
  | { readonly type: 'app'; readonly objectId: string; readonly app: AppState }
