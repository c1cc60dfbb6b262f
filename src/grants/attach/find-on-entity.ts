import { HELD_BY, ON_TARGET, TARGETS } from '../../store/indexes.ts'
import type { RecordPort } from '../../store/record-store.ts'
import type { AttachOperations, IamEntity } from '../driver.ts'
import { type CheckedGrant, readGenuineGrants } from '../genuine-grant.ts'
import { DAY_MS, KEPT_FOR_MS } from '../grant-commits.ts'
import { entityId, parseEntityId } from '../iam-entity.ts'

/**
 * Finds grants of the driver `attach` by IAM entity or by principal id. It uses indexes, so the cost of one entity or
 * one CloudTrail record does not depend on the number of others.
 */

/** AWS's quota for inline policies is reached long before: one role holds about a dozen grants at once. */
const MOST_ON_TARGET = 200
const MOST_RECENT = 100_000
/** More than one person can have within a day. */
const MOST_HELD = 500

/** The grants on this IAM entity that are active in the record. */
export async function readActiveOn(
  deps: { readonly record: RecordPort; readonly approvalKey: string },
  entity: IamEntity,
): Promise<readonly CheckedGrant[]> {
  const ids = await deps.record.list(ON_TARGET, entityId(entity), { limit: MOST_ON_TARGET, newestFirst: true })
  return (await readGenuineGrants(deps, ids)).filter(({ grant }) => grant.status === 'active')
}

/** The IAM entities of grants that end in the future or were to end within the last day. */
export async function listRecentEntities(record: RecordPort): Promise<readonly IamEntity[]> {
  const from = (await record.now()) - DAY_MS
  const entries = await record.list(TARGETS.kind, TARGETS.value, { from, limit: MOST_RECENT, newestFirst: true })
  const ids = new Set(entries.map((entry) => entry.slice(0, entry.lastIndexOf('/'))))
  return [...ids].flatMap((id) => parseEntityId(id) ?? [])
}

/** All IAM entities that may have Latchkey's policies: those that the rules name, and those with recent grants. */
export async function listEntities(deps: {
  readonly record: RecordPort
  readonly driver: Pick<AttachOperations, 'targets'>
}): Promise<readonly IamEntity[]> {
  const all = [...deps.driver.targets(), ...(await listRecentEntities(deps.record))]
  return [...new Map(all.map((entity) => [entityId(entity), entity])).values()]
}

/** Ids of the grants that this principal has or had within the last day, ordered by end, the latest first. */
export function listByPrincipalId(
  record: Pick<RecordPort, 'list'>,
  userid: string,
  nowMs: number,
): Promise<readonly string[]> {
  return record.list(HELD_BY, userid, { from: nowMs - KEPT_FOR_MS, limit: MOST_HELD, newestFirst: true })
}
