import { LATCHKEY } from '../../../src/audit/events.ts'
import { newId } from '../../../src/store/ids.ts'
import { LIVE } from '../../../src/store/indexes.ts'
import type { RecordPort } from '../../../src/store/record-store.ts'
import { someGrant, someTerms } from '../../unit/grants/a-grant.ts'

const AT_ONCE = 200

/** Writes this many active grants with everything that belongs to them, as Latchkey does. Returns their ids. */
export async function seedGrants(record: RecordPort, count: number): Promise<readonly string[]> {
  const ids = Array.from({ length: count }, () => newId('g'))
  const nowMs = await record.now()
  for (let from = 0; from < count; from += AT_ONCE) await seedSome(record, ids.slice(from, from + AT_ONCE), nowMs)
  return ids
}

async function seedSome(record: RecordPort, ids: readonly string[], nowMs: number): Promise<void> {
  const endsAtMs = nowMs + 8 * 3_600_000
  const times = { activatedAt: new Date(nowMs - 60_000).toISOString(), endsAt: new Date(endsAtMs).toISOString() }
  await record.commit({
    records: ids.map((id) => ({
      kind: 'grant',
      id,
      expectedVersion: 0,
      next: someGrant({ status: 'active', attempts: 1, terms: someTerms({ grantId: id }), ...times }),
    })),
    due: ids.map((id) => ({ kind: 'grants', id, at: endsAtMs })),
    indexes: ids.map((id) => ({ ...LIVE, id, at: nowMs })),
    audit: [{ kind: 'request.lapsed', actor: LATCHKEY, requestId: 'r-0123456789ab' }],
  })
}
