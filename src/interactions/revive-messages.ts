import { type AccessRequest, readRequests } from '../access-requests/access-request.ts'
import { isOver, readGrants } from '../grants/grant.ts'
import { isInPersonalChat, type Message, messagesDue, readMessages, type StoredMessage } from '../messages/message.ts'
import { REQUESTS_OF, TO_REVIEW_BY } from '../store/indexes.ts'
import type { RecordPort } from '../store/record-store.ts'
import { againOnConflict } from '../store/retry.ts'

interface Deps {
  readonly record: RecordPort
}

/** This is enough, because a person who has just installed the app hardly has more open requests. */
const MAX_REQUESTS = 100

/** Makes messages due again that could not be delivered to this person's personal chat, now that it can be reached. */
export async function reviveMessages({ record }: Deps, readerId: string): Promise<void> {
  for (const request of await openRequestsOf(record, readerId)) {
    await againOnConflict(() => reviveMessagesOf(record, request, readerId))
  }
}

/** Requests that are pending, or whose grant is not over. */
async function openRequestsOf(record: RecordPort, readerId: string): Promise<readonly AccessRequest[]> {
  const options = { limit: MAX_REQUESTS, newestFirst: true }
  const listed = await Promise.all([REQUESTS_OF, TO_REVIEW_BY].map((kind) => record.list(kind, readerId, options)))
  const requests = (await readRequests(record, [...new Set(listed.flat())])).map(({ request }) => request)
  const grants = await readGrants(
    record,
    requests.flatMap(({ grantId }) => grantId ?? []),
  )
  const live = new Set(grants.filter(({ grant }) => !isOver(grant)).map(({ grant }) => grant.terms.requestId))
  return requests.filter(({ id, status }) => status === 'pending' || live.has(id))
}

async function reviveMessagesOf(record: RecordPort, request: AccessRequest, readerId: string): Promise<void> {
  const messages = await readMessages(record, request.copies)
  const dead = messages.filter(({ message }) => isRevivable(message, readerId))
  if (dead.length === 0) return
  const nowMs = await record.now()
  const { due, jobs } = messagesDue(request.id, nowMs, `revived${nowMs}`)
  await record.commit({ records: dead.map(revivedWrite), due, audit: [], jobs })
}

function isRevivable(message: Message, readerId: string): boolean {
  return message.reader === readerId && message.dead !== undefined && isInPersonalChat(message)
}

function revivedWrite({ message: { dead: _, ...message }, version }: StoredMessage) {
  return { kind: 'copy', id: message.id, expectedVersion: version, next: message } as const
}
