import { LATCHKEY } from '../../src/audit/events.ts'
import type { Principal } from '../../src/grants/driver.ts'
import { LIVE } from '../../src/grants/end-grant.ts'
import { type Grant, terms } from '../../src/grants/grant.ts'
import { signYes } from '../../src/grants/yes.ts'
import { newId, type RecordPort } from '../../src/record.ts'
import { PEOPLE } from '../sandbox/entra/fixture.ts'

/** Rita's, with a true yes of Max for 45 minutes: hundreds of them, as nobody could ask for within a test. */

const APPROVAL_KEY = 'a1'.repeat(32)

export function activeGrant(principal: Principal, nowMs: number, endsAtMs = nowMs + 44 * 60_000): Grant {
  const id = newId('g')
  const decidedAt = new Date(nowMs - 60_000).toISOString()
  const given = terms.parse({
    grantId: id,
    requestId: newId('r'),
    requestVersion: 1,
    requester: PEOPLE.rita,
    principal,
    scopes: ['s3://finance-reports/2026/'],
    levels: ['write'],
    durationMinutes: 45,
    decidedAt,
    approver: PEOPLE.max,
    entitlement: 'finance-reports',
    rulesHash: 'abc',
  })
  return {
    id,
    status: 'active',
    terms: given,
    mac: signYes(APPROVAL_KEY, given),
    requesterName: 'Rita Reyes',
    approverName: 'Max Mertens',
    attempts: 1,
    activatedAt: decidedAt,
    endsAt: new Date(Math.floor(endsAtMs / 1_000) * 1_000).toISOString(),
  }
}

/** With all that belongs to them, as Latchkey writes it. */
export async function commitGrants(record: RecordPort, grants: readonly Grant[]): Promise<void> {
  const nowMs = await record.now()
  await record.commit({
    records: grants.map((next) => ({ kind: 'grant', id: next.id, expectedVersion: 0, next })),
    due: grants.map(({ id, endsAt = '' }) => ({ kind: 'grants', id, at: Date.parse(endsAt) })),
    indexes: grants.map(({ id }) => ({ ...LIVE, id, at: nowMs })),
    audit: [{ kind: 'request.lapsed', actor: LATCHKEY, requestId: 'r-0123456789ab' }],
  })
}
