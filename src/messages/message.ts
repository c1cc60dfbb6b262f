import { z } from 'zod'
import type { Commit } from '../store/commit.ts'
import { RECORD_ID } from '../store/ids.ts'
import type { RecordPort } from '../store/record-store.ts'

/**
 * A message is one card or mail, in one place, that shows a record. Cards decide what it shows. The names here are
 * stored names.
 */

/** One Teams conversation, as plain JSON of our own, so that stored conversations do not depend on the SDK. */
export const conversation = z.strictObject({
  v: z.literal(1),
  serviceUrl: z.url(),
  /** In a channel it includes the thread: `19:…@thread.tacv2;messageid=…`. */
  conversationId: z.string().min(1),
  conversationType: z.enum(['personal', 'groupChat', 'channel']),
  tenantId: z.string(),
  /** Teams' own id (`29:…`) of the message's reader. In a channel or group chat the card refreshes for nobody else. */
  userId: z.string().exactOptional(),
})

export type Conversation = z.infer<typeof conversation>

const place = z.discriminatedUnion('channel', [
  z.strictObject({ channel: z.literal('teams'), conversation }),
  /** The reader's personal chat, while it has not been opened. */
  z.strictObject({ channel: z.literal('personal') }),
  /** The address is read from the directory when the mail is sent, so that Redis does not decide where mail goes. */
  z.strictObject({ channel: z.literal('mail') }),
])

export const message = z.strictObject({
  id: z.string().regex(RECORD_ID),
  /** The record that the message shows. */
  requestId: z.string().regex(RECORD_ID),
  /** Entra object id of the person for whom it is written. */
  reader: z.guid(),
  /** The reader's role to the request. */
  role: z.enum(['requester', 'approver']),
  /** `outcome`: what became of the request. It has a message of its own, since Teams notifies nobody of an edit. */
  shows: z.enum(['request', 'outcome']),
  place,
  /** Hash of the card that it shows, or `sent` for a mail. Empty: not sent yet. */
  presented: z.string(),
  /** The chat service's id of the message; a mail's own id. Without one it is not known whether it was sent. */
  reference: z.string().exactOptional(),
  /**
   * When a process claimed the message to send it. The claim lapses, and does not count once there is a `reference`.
   */
  claimedAt: z.iso.datetime({ precision: 3 }).exactOptional(),
  /** How often a sending was begun that has had no answer. */
  tries: z.int().positive().exactOptional(),
  /** Why the message cannot be delivered, as a sentence. */
  dead: z.string().exactOptional(),
})

export type Message = z.infer<typeof message>
export type MessagePlace = Message['place']

/** Whether nobody but the person reads the conversation. */
export function isPersonal({ conversationType }: Pick<Conversation, 'conversationType'>): boolean {
  return conversationType === 'personal'
}

/** Whether it belongs to the reader's personal chat, opened or not. */
export function isInPersonalChat({ place }: Message): boolean {
  return place.channel === 'personal' || (place.channel === 'teams' && isPersonal(place.conversation))
}

export interface StoredMessage {
  readonly version: number
  readonly message: Message
}

/** Leaves out messages that are missing or unreadable; an unreadable one was not written by Latchkey. */
export async function readMessages(
  record: Pick<RecordPort, 'readMany'>,
  ids: readonly string[],
): Promise<readonly StoredMessage[]> {
  const stored = await record.readMany('copy', ids)
  return ids.flatMap((id, position) => {
    const { version, value } = stored[position] ?? {}
    const { data } = message.safeParse(value)
    return version !== undefined && data ? [{ version, message: { ...data, id } }] : []
  })
}

/**
 * Part of each commit that changes what a record's messages show: makes them due, and enqueues a job that syncs them.
 * @param occasion names the change; part of the job's id
 */
export function messagesDue(recordId: string, nowMs: number, occasion: string): Required<Pick<Commit, 'due' | 'jobs'>> {
  return {
    due: [{ kind: 'copies', id: recordId, at: nowMs }],
    jobs: [{ act: 'sync', recordId, occasion }],
  }
}
