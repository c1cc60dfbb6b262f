import { LatchkeyError } from '../errors.ts'
import { freeDenySlot } from '../grants/deny-capacity.ts'
import { messagesDue } from '../messages/message.ts'
import type { Commit } from '../store/commit.ts'
import { PENDING_OF, TO_REVIEW_BY } from '../store/indexes.ts'
import type { AccessRequest, StoredRequest } from './access-request.ts'

/**
 * The commit that closes a pending request. It removes the request from the due index and from the limits, frees its
 * deny slot, and makes its messages due.
 */
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

/** The error for a click on a closed request: the outcome, who closed it, and when. */
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
