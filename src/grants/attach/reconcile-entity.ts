import { settleAll } from '../../async.ts'
import { LATCHKEY } from '../../audit/events.ts'
import type { Rules } from '../../rules/rules.ts'
import type { RecordPort } from '../../store/record-store.ts'
import { isLostRace } from '../../store/retry.ts'
import { LEASE_MS, withLease } from '../../store/with-lease.ts'
import { beginRevoke } from '../begin-revoke.ts'
import type { AttachOperations, IamEntity } from '../driver.ts'
import { type CheckedGrant, checkUse, readGenuineGrant, readGenuineGrants } from '../genuine-grant.ts'
import { type Grant, isOver } from '../grant.ts'
import { LOOK_AGAIN_MS } from '../grant-commits.ts'
import { entityId, entityOf, grantIdOf } from '../iam-entity.ts'
import { revokeForged } from '../revoke-forged.ts'
import { type Change, findChange, findEntityFault } from './entity-changes.ts'
import { listEntities, readActiveOn } from './find-on-entity.ts'

export interface EntityDeps {
  readonly record: RecordPort
  readonly driver: AttachOperations
  readonly approvalKey: string
  readonly rules: Pick<Rules, 'buckets'>
  readonly log: { warn(data: object, message: string): void }
}

interface Options {
  /** Whether the documents are compared too, not only the policy names. */
  readonly documents: boolean
}

/**
 * Reconciles the policies of one role or user. This only ever revokes access: it removes Latchkey's policies that no
 * live grant explains, and revokes live grants whose policy is missing or changed. It never restores a policy.
 * @returns `busy`: another process reconciles the entity
 */
export async function reconcileEntity(
  deps: EntityDeps,
  entity: IamEntity,
  options: Options,
): Promise<'looked' | 'busy'> {
  return await withLease(deps.record, `target-${entityId(entity)}`, LEASE_MS, async () => {
    // The order of these reads matters. A grant is recorded before its policy is attached, and attached before it is
    // active. So a grant that is active and then not attached lost its policy in AWS, and a policy that is attached and
    // then not recorded belongs to no grant.
    const active = await readActiveOn(deps, entity)
    const attached = await deps.driver.attached(entity, options)
    const stored = await readGenuineGrants(
      deps,
      attached.flatMap(({ policyName }) => grantIdOf(policyName) ?? []),
    )
    const known = new Map(stored.map((one) => [one.grant.id, one]))
    await settleAll(attached, ({ policyName }) =>
      detachStray(deps, entity, policyName, known.get(grantIdOf(policyName) ?? '')),
    )
    const changed = active.length === 0 ? undefined : await findEntityFault(deps.driver, entity)
    await settleAll(active, async (one) => {
      const usable = checkUse(one)
      if ('fault' in usable) return await unlessMoved(() => revokeForged(deps.record, one, usable.fault))
      const change = changed?.(usable) ?? findChange(deps.rules, usable, attached, options)
      if (change) await revoke(deps, usable, change)
    })
    return 'looked' as const
  })
}

/**
 * Handles the due entry of a grant that ended: reconciles its IAM entity, which removes a policy that is still there.
 * After a revocation it does so again after each of `LOOK_AGAIN_MS`. If the record of the grant is missing or forged, every
 * entity that may carry its policy is reconciled.
 */
export async function reconcileDueEntity(deps: EntityDeps, grantId: string): Promise<void> {
  const { record } = deps
  const stored = await readGenuineGrant(deps, grantId)
  const usable = stored && checkUse(stored)
  const principal = usable && !('fault' in usable) ? usable.grant.terms.principal : undefined
  const entities = principal?.driver === 'attach' ? [entityOf(principal)] : await listEntities(deps)
  const outcomes = await settleAll(entities, (entity) => reconcileEntity(deps, entity, { documents: false }))
  if (outcomes.includes('busy')) return
  await record.commit({
    records: [],
    due: [{ kind: 'targets', id: grantId, at: nextCheckAt(stored?.grant, await record.now()) }],
    audit: [{ kind: 'target.verified', actor: LATCHKEY, grantId, targets: entities.map(entityId) }],
  })
}

function nextCheckAt(grant: Grant | undefined, nowMs: number): number | null {
  if (grant?.status !== 'revoked' || grant.endedAt === undefined) return null
  const endedAtMs = Date.parse(grant.endedAt)
  return LOOK_AGAIN_MS.map((afterMs) => endedAtMs + afterMs).find((at) => at > nowMs) ?? null
}

/**
 * Removes all of Latchkey's policies in one account and revokes the grants that the record calls active. Used when the
 * record was emptied or is older than AWS, so that it explains no policy.
 * @throws when any of it failed in AWS
 */
export async function detachAll(deps: DetachDeps, accountId: string): Promise<void> {
  const entities = (await listEntities(deps)).filter(({ account }) => account === accountId)
  await settleAll(entities, async (entity) => {
    const active = await readActiveOn(deps, entity)
    const attached = await deps.driver.attached(entity)
    await settleAll(attached, ({ policyName }) => detachPolicy(deps, entity, policyName, 'other-epoch', 'early-revoke'))
    const detail = 'The record was emptied or put back from a copy; everything attached was taken away.'
    await settleAll(active, (stored) => revoke(deps, stored, { cause: 'ended-before', detail }))
  })
}

type DetachDeps = Pick<EntityDeps, 'record' | 'driver' | 'approvalKey' | 'log'>
type Stray = 'unknown' | 'over' | 'other-principal' | 'other-epoch'

async function detachStray(deps: EntityDeps, entity: IamEntity, policyName: string, stored: CheckedGrant | undefined) {
  const stray = findStray(entity, stored)
  // The policy of an expired grant gives no access, because the policy contains the end.
  // The policy of a revoked grant is there because a delayed write took effect after the revocation. It gives access.
  const urgency = stray === 'over' && stored?.grant.status === 'expired' ? 'tidying' : 'early-revoke'
  if (stray) await detachPolicy(deps, entity, policyName, stray, urgency)
}

/** Undefined: the policy belongs there, or its grant is being revoked. A forged record explains no policy. */
function findStray(entity: IamEntity, stored: CheckedGrant | undefined): Stray | undefined {
  const usable = stored && checkUse(stored)
  if (!usable || 'fault' in usable) return 'unknown'
  if (isOver(usable.grant)) return 'over'
  const { principal } = usable.grant.terms
  const isThere = principal.driver === 'attach' && entityId(entityOf(principal)) === entityId(entity)
  return isThere ? undefined : 'other-principal'
}

async function detachPolicy(
  { record, driver, log }: DetachDeps,
  entity: IamEntity,
  policy: string,
  found: Stray,
  urgency: 'early-revoke' | 'tidying',
): Promise<void> {
  await driver.detach(entity, policy, urgency)
  // Removing the policy of an expired grant is normal and not logged.
  if (urgency === 'early-revoke')
    log.warn({ target: entityId(entity), policy, found }, 'a policy that no live grant explains was taken away')
  await record.commit({
    records: [],
    audit: [{ kind: 'policy.taken-away', actor: LATCHKEY, target: entityId(entity), policy, found }],
  })
}

async function revoke({ record }: DetachDeps, stored: CheckedGrant, change: Change): Promise<void> {
  await unlessMoved(() => beginRevoke(record, stored, { ...change, actor: LATCHKEY }))
}

/** Ignores a lost race: the process that changed the record, or the next round, handles the grant. */
async function unlessMoved(act: () => Promise<unknown>): Promise<void> {
  try {
    await act()
  } catch (error) {
    if (!isLostRace(error)) throw error
  }
}
