import { z } from 'zod'
import type { Commit, RecordWrite } from '../store/commit.ts'
import { newId, RECORD_ID } from '../store/ids.ts'

/** Where a request is shown: one record for each card or mail, written with the request itself. */

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

/** Where somebody asked: a conversation, and the message that becomes the copy, when there is one already (the form). */
export interface Thread {
  readonly conversation: Conversation
  readonly reference?: string
  /** Names what was said or sent there: however often it arrives, it asks once. */
  readonly said?: string
}

const PERSONAL: MessagePlace = { channel: 'personal' }

interface Reader {
  readonly objectId: string
  readonly mail?: string | undefined
}

/** The requester's own two, the request's first; then for each approver one in their personal chat, and one by mail. */
export function makeMessages(
  requestId: string,
  requester: Reader,
  approvers: readonly Reader[],
  thread: Thread | undefined,
): readonly Message[] {
  const make = (reader: Reader, role: Message['role'], place: MessagePlace): Message => {
    return { id: newId('c'), requestId, reader: reader.objectId, role, shows: 'request', place, presented: '' }
  }
  const ownPlace: MessagePlace = thread ? { channel: 'teams', conversation: thread.conversation } : PERSONAL
  const own = make(requester, 'requester', ownPlace)
  const form = thread?.reference === undefined ? {} : { reference: thread.reference }
  const asked = approvers.flatMap((approver) => [
    make(approver, 'approver', PERSONAL),
    ...(approver.mail === undefined ? [] : [make(approver, 'approver', { channel: 'mail' })]),
  ])
  return [{ ...own, ...form }, { ...make(requester, 'requester', ownPlace), shows: 'outcome' }, ...asked]
}

export function newMessageWrites(copies: readonly Message[]): readonly RecordWrite[] {
  return copies.map((next) => ({ kind: 'copy', id: next.id, expectedVersion: 0, next }))
}

/** Part of each commit that changes what people are shown: the copies of that request are due, and a job says so. `occasion` names the change. */
export function messagesDue(
  requestId: string,
  nowMs: number,
  occasion: string,
): Required<Pick<Commit, 'due' | 'jobs'>> {
  return {
    due: [{ kind: 'copies', id: requestId, at: nowMs }],
    jobs: [{ act: 'sync', recordId: requestId, occasion }],
  }
}
