import { z } from 'zod'
import type { Commit } from '../store/commit.ts'
import { RECORD_ID } from '../store/ids.ts'
import type { RecordPort } from '../store/record-store.ts'

/** One card or mail, in one place, that shows a record. Which record, and what of it, is for cards to know: the names here are stored names. */

/** Of one Teams conversation; plain JSON of our own, so that it outlives the SDK that it came from. */
export const conversation = z.strictObject({
  v: z.literal(1),
  serviceUrl: z.url(),
  /** In a channel with the thread: `19:…@thread.tacv2;messageid=…`. */
  conversationId: z.string().min(1),
  conversationType: z.enum(['personal', 'groupChat', 'channel']),
  tenantId: z.string(),
  /** Teams' own id (`29:…`) of the person whom the copy is for; a card in a conversation of many refreshes for nobody else. */
  userId: z.string().exactOptional(),
})

export type Conversation = z.infer<typeof conversation>

const place = z.discriminatedUnion('channel', [
  z.strictObject({ channel: z.literal('teams'), conversation }),
  /** The reader's personal chat, as long as nobody has opened it. */
  z.strictObject({ channel: z.literal('personal') }),
  /** The address is read from the directory when it is sent: Redis does not say where mail goes. */
  z.strictObject({ channel: z.literal('mail') }),
])

export const message = z.strictObject({
  id: z.string().regex(RECORD_ID),
  /** The record that it shows. */
  requestId: z.string().regex(RECORD_ID),
  /** For whom it is written (Entra object id), and in which part. */
  reader: z.guid(),
  role: z.enum(['requester', 'approver']),
  /** `outcome`: what became of it, as a message of its own, since nobody is notified of an edit. */
  shows: z.enum(['request', 'outcome']),
  place,
  /** Names the content that it shows; empty: none yet. */
  presented: z.string(),
  /** The channel's id of the message. Without one nobody knows whether it was sent. */
  reference: z.string().exactOptional(),
  /** Somebody is sending it, since then. A claim without a reference lapses. */
  claimedAt: z.iso.datetime({ precision: 3 }).exactOptional(),
  /** How often it was sent without an answer. */
  tries: z.int().positive().exactOptional(),
  /** Why it cannot be shown there. */
  dead: z.string().exactOptional(),
})

export type Message = z.infer<typeof message>
export type MessagePlace = Message['place']

/** Nobody else reads there. */
export function isPersonal({ conversationType }: Pick<Conversation, 'conversationType'>): boolean {
  return conversationType === 'personal'
}

/** In the reader's personal chat, whether somebody has opened it or not. */
export function isInPersonalChat({ place }: Message): boolean {
  return place.channel === 'personal' || (place.channel === 'teams' && isPersonal(place.conversation))
}

export interface StoredMessage {
  readonly version: number
  readonly message: Message
}

/** Messages that cannot be read are left out: they are not ours. */
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

/** Part of each commit that changes what people are shown: the messages of that record are due, and a job says so. `occasion` names the change. */
export function messagesDue(recordId: string, nowMs: number, occasion: string): Required<Pick<Commit, 'due' | 'jobs'>> {
  return {
    due: [{ kind: 'copies', id: recordId, at: nowMs }],
    jobs: [{ act: 'sync', recordId, occasion }],
  }
}
