import { type AccessRequest, readRequests } from '../access-requests/access-request.ts'
import { isOver, readGrants } from '../grants/grant.ts'
import { type Message, messagesDue, readMessages, type StoredMessage } from '../messages/message.ts'
import { REQUESTS_OF, TO_REVIEW_BY } from '../store/indexes.ts'
import type { RecordPort } from '../store/record-store.ts'
import { againOnConflict } from '../store/retry.ts'

interface Deps {
  readonly record: RecordPort
}

/** Somebody who installs the app once has hardly more that waits. */
const MOST_REQUESTS = 100

/** The personal chat of this person can be written to (again): what could not be shown there is due again. */
export async function reviveMessages({ record }: Deps, readerId: string): Promise<void> {
  for (const request of await openOf(record, readerId)) {
    await againOnConflict(() => reviveThose(record, request, readerId))
  }
}

/** Waiting for a decision, or with access that is not over. */
async function openOf(record: RecordPort, readerId: string): Promise<readonly AccessRequest[]> {
  const options = { limit: MOST_REQUESTS, newestFirst: true }
  const listed = await Promise.all([REQUESTS_OF, TO_REVIEW_BY].map((kind) => record.list(kind, readerId, options)))
  const found = (await readRequests(record, [...new Set(listed.flat())])).map(({ request }) => request)
  const grants = await readGrants(
    record,
    found.flatMap(({ grantId }) => grantId ?? []),
  )
  const live = new Set(grants.filter(({ grant }) => !isOver(grant)).map(({ grant }) => grant.terms.requestId))
  return found.filter(({ id, status }) => status === 'pending' || live.has(id))
}

async function reviveThose(record: RecordPort, request: AccessRequest, readerId: string): Promise<void> {
  const dead = (await readMessages(record, request.copies)).filter(({ message }) => isRevivable(message, readerId))
  if (dead.length === 0) return
  const nowMs = await record.now()
  const shown = messagesDue(request.id, nowMs, `revived${nowMs}`)
  await record.commit({ records: dead.map(alive), due: shown.due, audit: [], jobs: shown.jobs })
}

function isRevivable({ reader, dead, place }: Message, readerId: string): boolean {
  const isPersonal =
    place.channel === 'personal' || (place.channel === 'teams' && place.conversation.conversationType === 'personal')
  return reader === readerId && dead !== undefined && isPersonal
}

function alive({ message: { dead: _, ...message }, version }: StoredMessage) {
  return { kind: 'copy', id: message.id, expectedVersion: version, next: message } as const
}
