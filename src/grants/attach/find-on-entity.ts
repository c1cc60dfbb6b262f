import { HELD_BY, ON_TARGET, TARGETS } from '../../store/indexes.ts'
import type { RecordPort } from '../../store/record-store.ts'
import type { AttachOperations, IamEntity } from '../driver.ts'
import { type CheckedGrant, readGenuineGrants } from '../genuine-grant.ts'
import { DAY_MS, KEPT_FOR_MS } from '../grant-commits.ts'
import { entityId, parseEntityId } from '../iam-entity.ts'

/** Where grants of the driver `attach` lie: indexes, so that a look at one target, or at one CloudTrail record, costs by that one only. */

/** AWS's quota ends it long before: a role holds a dozen grants at once. */
const MOST_ON_TARGET = 200
const MOST_RECENT = 100_000
/** As many as one person can have had within a day. */
const MOST_HELD = 500

/** Grants that are active on the target as far as the record knows. */
export async function readActiveOn(
  deps: { readonly record: RecordPort; readonly approvalKey: string },
  target: IamEntity,
): Promise<readonly CheckedGrant[]> {
  const ids = await deps.record.list(ON_TARGET, entityId(target), { limit: MOST_ON_TARGET, newestFirst: true })
  return (await readGenuineGrants(deps, ids)).filter(({ grant }) => grant.status === 'active')
}

/** Targets with a grant that is live, or was within a day. */
export async function listRecentEntities(record: RecordPort): Promise<readonly IamEntity[]> {
  const from = (await record.now()) - DAY_MS
  const entries = await record.list(TARGETS.kind, TARGETS.value, { from, limit: MOST_RECENT, newestFirst: true })
  const ids = new Set(entries.map((entry) => entry.slice(0, entry.lastIndexOf('/'))))
  return [...ids].flatMap((id) => parseEntityId(id) ?? [])
}

/** Everything that grants may lie on: what the rules name today, and what grants of the last day were given to. */
export async function listEntities(deps: {
  readonly record: RecordPort
  readonly driver: Pick<AttachOperations, 'targets'>
}): Promise<readonly IamEntity[]> {
  const all = [...deps.driver.targets(), ...(await listRecentEntities(deps.record))]
  return [...new Map(all.map((target) => [entityId(target), target])).values()]
}

/** Ids of the grants that this principal has, or had within a day, the one that ends last first. */
export function listByPrincipalId(
  record: Pick<RecordPort, 'list'>,
  userid: string,
  nowMs: number,
): Promise<readonly string[]> {
  return record.list(HELD_BY, userid, { from: nowMs - KEPT_FOR_MS, limit: MOST_HELD, newestFirst: true })
}
