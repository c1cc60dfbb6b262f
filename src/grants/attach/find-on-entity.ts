import { HELD_BY, ON_TARGET, TARGETS } from '../../store/indexes.ts'
import type { RecordPort } from '../../store/record-store.ts'
import type { AttachTargets, Target } from '../driver.ts'
import { readGrants, type StoredGrant } from '../grant.ts'
import { DAY_MS, KEPT_FOR_MS } from '../grant-commits.ts'
import { parseTargetId, targetId } from '../iam-entity.ts'

/** Where grants of the driver `attach` lie: indexes, so that a look at one target, or at one CloudTrail record, costs by that one only. */

/** AWS's quota ends it long before: a role holds a dozen grants at once. */
const MOST_ON_TARGET = 200
const MOST_RECENT = 100_000
/** As many as one person can have had within a day. */
const MOST_HELD = 500

/** Grants that are active on the target as far as the record knows. */
export async function readActiveOn(record: RecordPort, target: Target): Promise<readonly StoredGrant[]> {
  const ids = await record.list(ON_TARGET, targetId(target), { limit: MOST_ON_TARGET, newestFirst: true })
  return (await readGrants(record, ids)).filter(({ grant }) => grant.status === 'active')
}

/** Targets with a grant that is live, or was within a day. */
export async function recentTargets(record: RecordPort): Promise<readonly Target[]> {
  const from = (await record.now()) - DAY_MS
  const entries = await record.list(TARGETS.kind, TARGETS.value, { from, limit: MOST_RECENT, newestFirst: true })
  const ids = new Set(entries.map((entry) => entry.slice(0, entry.lastIndexOf('/'))))
  return [...ids].flatMap((id) => parseTargetId(id) ?? [])
}

/** Everything that grants may lie on: what the rules name today, and what grants of the last day were given to. */
export async function readTargets(needs: {
  readonly record: RecordPort
  readonly driver: Pick<AttachTargets, 'targets'>
}): Promise<readonly Target[]> {
  const all = [...needs.driver.targets(), ...(await recentTargets(needs.record))]
  return [...new Map(all.map((target) => [targetId(target), target])).values()]
}

/** Ids of the grants that this principal has, or had within a day, the one that ends last first. */
export function listHeldBy(
  record: Pick<RecordPort, 'list'>,
  userid: string,
  nowMs: number,
): Promise<readonly string[]> {
  return record.list(HELD_BY, userid, { from: nowMs - KEPT_FOR_MS, limit: MOST_HELD, newestFirst: true })
}
