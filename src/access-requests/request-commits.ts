import { LatchkeyError } from '../errors.ts'
import { freeDenySlot } from '../grants/deny-capacity.ts'
import { messagesDue } from '../messages/message.ts'
import type { Commit } from '../store/commit.ts'
import { PENDING_OF, TO_REVIEW_BY } from '../store/indexes.ts'
import type { AccessRequest, StoredRequest } from './access-request.ts'

/** What every way out of `pending` writes: the request leaves the due index, counts no more against its requester, and every copy of it says so. */
export function closeCommit({ request, version }: StoredRequest, next: AccessRequest, audit: Commit['audit']) {
  const shown = messagesDue(request.id, Date.parse(next.closedAt ?? next.askedAt), `r${version + 1}`)
  return {
    records: [{ kind: 'request', id: request.id, expectedVersion: version, next }],
    due: [{ kind: 'requests', id: request.id, at: null }, ...shown.due],
    indexes: [
      { kind: PENDING_OF, value: request.requester.objectId, id: request.id, at: null },
      ...request.asked.map(({ objectId }) => ({ kind: TO_REVIEW_BY, value: objectId, id: request.id, at: null })),
      ...freeDenySlot(request.principal, request.id),
    ],
    audit,
    jobs: shown.jobs,
  } satisfies Commit
}

/** What everybody is told who comes after the decision: what it was, who took it, and when. */
export function alreadyClosed(request: AccessRequest): LatchkeyError<'CONFLICT'> {
  const reviewer = request.reviews.at(-1)?.reviewer.name
  const by = request.status === 'cancelled' ? request.requester.name : reviewer
  return new LatchkeyError('CONFLICT', {
    thing: 'request',
    outcome: request.status,
    ...(by === undefined ? {} : { by }),
    ...(request.closedAt === undefined ? {} : { at: request.closedAt }),
  })
}
