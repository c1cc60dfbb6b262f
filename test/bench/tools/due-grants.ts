import { signRequest } from '../../../src/access-requests/request-mac.ts'
import { LATCHKEY } from '../../../src/audit/events.ts'
import type { Grant } from '../../../src/grants/grant.ts'
import type { SessionPrincipal } from '../../../src/grants/principal.ts'
import type { JobQueue } from '../../../src/jobs/catalog.ts'
import { LIVE } from '../../../src/store/indexes.ts'
import type { RecordPort } from '../../../src/store/record-store.ts'
import { activeGrant } from '../../fixtures/active-grants.ts'
import { APPROVAL_KEY } from './life.ts'

const AT_ONCE = 500
/** Long enough that the sweeper adds no second job for a grant. */
const NOT_SWEPT_MS = 60_000

interface Means {
  readonly record: RecordPort
  readonly queue: JobQueue
}

/** Writes this many active grants of the first role that end in the same second, with requests, due entries and jobs as an activation writes them. */
export async function seedDue(
  { record, queue }: Means,
  [principal]: readonly SessionPrincipal[],
  count: number,
  endsAtMs: number,
): Promise<readonly Grant[]> {
  if (principal === undefined) throw new Error('The sandbox was seeded without a role.')
  const nowMs = await record.now()
  const grants = Array.from({ length: count }, () => activeGrant(principal, nowMs, endsAtMs))
  for (let from = 0; from < count; from += AT_ONCE) {
    const some = grants.slice(from, from + AT_ONCE)
    await record.commit({
      records: some.flatMap((next) => [
        { kind: 'grant', id: next.id, expectedVersion: 0, next },
        { kind: 'request', id: next.terms.requestId, expectedVersion: 0, next: requestOf(next) },
      ]),
      due: some.map(({ id }) => ({ kind: 'grants', id, at: endsAtMs })),
      indexes: some.map(({ id }) => ({ ...LIVE, id, at: nowMs })),
      audit: [{ kind: 'request.lapsed', actor: LATCHKEY, requestId: 'r-0123456789ab' }],
    })
    await queue.add(some.map(({ id }) => ({ act: 'revoke', recordId: id, occasion: '1', at: endsAtMs })))
  }
  return grants
}

/** Writes this many grants of the first role as a new approval writes them. Their jobs wait for one moment. */
export async function seedApproved(
  { record, queue }: Means,
  [principal]: readonly SessionPrincipal[],
  count: number,
  dueAtMs: number,
): Promise<void> {
  if (principal === undefined) throw new Error('The sandbox was seeded without a role.')
  const nowMs = await record.now()
  const grants = Array.from({ length: count }, () => approved(activeGrant(principal, nowMs)))
  await record.commit({
    records: grants.flatMap((next) => [
      { kind: 'grant', id: next.id, expectedVersion: 0, next },
      { kind: 'request', id: next.terms.requestId, expectedVersion: 0, next: requestOf(next) },
    ]),
    due: grants.map(({ id }) => ({ kind: 'grants', id, at: nowMs + NOT_SWEPT_MS })),
    indexes: grants.map(({ id }) => ({ ...LIVE, id, at: nowMs })),
    audit: [{ kind: 'request.lapsed', actor: LATCHKEY, requestId: 'r-0123456789ab' }],
  })
  await queue.add(grants.map(({ id }) => ({ act: 'activate', recordId: id, occasion: '1', at: dueAtMs })))
}

function approved({ endsAt: _end, activatedAt: _at, ...grant }: Grant): Grant {
  return { ...grant, status: 'activating', attempts: 0 }
}

/** An approved request without messages, because sending them would measure Teams' limits. */
function requestOf({ id, terms, requesterName }: Grant) {
  const { requestId, requester, scopes, levels, durationMinutes, entitlement, principal, decidedAt } = terms
  return signRequest(APPROVAL_KEY, {
    id: requestId,
    status: 'approved',
    requester: { objectId: requester, name: requesterName },
    scopes,
    levels,
    durationMinutes,
    reason: 'month-end fix',
    ticket: '',
    entitlement,
    principal,
    asked: [],
    askedAt: decidedAt,
    lapsesAt: decidedAt,
    reviews: [],
    copies: [],
    closedAt: decidedAt,
    grantId: id,
  })
}
