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

interface Look {
  /** Compares the documents too, not only their names. */
  readonly documents: boolean
}

/**
 * One look at one role or user. It only ever takes access away: policies of ours that no live grant there explains go, and a live grant whose
 * policy is gone or is not what we wrote is ended, never put back.
 * @returns `busy`: somebody else is at it.
 */
export async function reconcileEntity(deps: EntityDeps, target: IamEntity, look: Look): Promise<'looked' | 'busy'> {
  return await withLease(deps.record, `target-${entityId(target)}`, LEASE_MS, async () => {
    // In this order. A grant was attached before it was active, and was on record before it was attached: so what is active and then not
    // attached was taken away, and what is attached and then not on record is nobody's.
    const active = await readActiveOn(deps, target)
    const attached = await deps.driver.attached(target, look)
    const stored = await readGenuineGrants(
      deps,
      attached.flatMap(({ policyName }) => grantIdOf(policyName) ?? []),
    )
    const known = new Map(stored.map((one) => [one.grant.id, one]))
    await settleAll(attached, ({ policyName }) =>
      detachStray(deps, target, policyName, known.get(grantIdOf(policyName) ?? '')),
    )
    const changed = active.length === 0 ? undefined : await findEntityFault(deps.driver, target)
    await settleAll(active, async (one) => {
      const usable = checkUse(one)
      if ('fault' in usable) return await unlessMoved(() => revokeForged(deps.record, one, usable.fault))
      const change = changed?.(usable) ?? findChange(deps.rules, usable, attached, look)
      if (change) await end(deps, usable, change)
    })
    return 'looked' as const
  })
}

/** The entry of one grant in the due index has come: its policy is tidied away, or looked for again after its early end. */
export async function reconcileDueEntity(deps: EntityDeps, grantId: string): Promise<void> {
  const { record } = deps
  const stored = await readGenuineGrant(deps, grantId)
  const usable = stored && checkUse(stored)
  const principal = usable && !('fault' in usable) ? usable.grant.terms.principal : undefined
  const targets = principal?.driver === 'attach' ? [entityOf(principal)] : await listEntities(deps)
  const outcomes = await settleAll(targets, (target) => reconcileEntity(deps, target, { documents: false }))
  if (outcomes.includes('busy')) return
  await record.commit({
    records: [],
    due: [{ kind: 'targets', id: grantId, at: nextLook(stored?.grant, await record.now()) }],
    audit: [{ kind: 'target.verified', actor: LATCHKEY, grantId, targets: targets.map(entityId) }],
  })
}

function nextLook(grant: Grant | undefined, nowMs: number): number | null {
  if (grant?.status !== 'revoked' || grant.endedAt === undefined) return null
  const endedAtMs = Date.parse(grant.endedAt)
  return LOOK_AGAIN_MS.map((afterMs) => endedAtMs + afterMs).find((at) => at > nowMs) ?? null
}

/**
 * Takes away every policy of ours in one account, whatever the record says of it: it was emptied, or is older. Grants that it calls active are
 * ended. Throws when AWS did not do all of it.
 */
export async function detachAll(deps: Taking, accountId: string): Promise<void> {
  const targets = (await listEntities(deps)).filter(({ account }) => account === accountId)
  await settleAll(targets, async (target) => {
    const active = await readActiveOn(deps, target)
    const attached = await deps.driver.attached(target)
    await settleAll(attached, ({ policyName }) => take(deps, target, policyName, 'other-epoch', 'early-revoke'))
    const detail = 'The record was emptied or put back from a copy; everything attached was taken away.'
    await settleAll(active, (stored) => end(deps, stored, { cause: 'ended-before', detail }))
  })
}

type Taking = Pick<EntityDeps, 'record' | 'driver' | 'approvalKey' | 'log'>
type Stray = 'unknown' | 'over' | 'other-principal' | 'other-epoch'

async function detachStray(deps: EntityDeps, target: IamEntity, policyName: string, stored: CheckedGrant | undefined) {
  const stray = findStray(target, stored)
  // Only an end on time is inside the policy: what was ended early and lies there all the same landed late, and still gives access.
  const urgency = stray === 'over' && stored?.grant.status === 'expired' ? 'tidying' : 'early-revoke'
  if (stray) await take(deps, target, policyName, stray, urgency)
}

/** Undefined: it may lie there, or the revocation of its grant is under way. A record that somebody wrote explains nothing. */
function findStray(target: IamEntity, stored: CheckedGrant | undefined): Stray | undefined {
  const usable = stored && checkUse(stored)
  if (!usable || 'fault' in usable) return 'unknown'
  if (isOver(usable.grant)) return 'over'
  const { principal } = usable.grant.terms
  const isThere = principal.driver === 'attach' && entityId(entityOf(principal)) === entityId(target)
  return isThere ? undefined : 'other-principal'
}

async function take(
  { record, driver, log }: Taking,
  target: IamEntity,
  policy: string,
  found: Stray,
  urgency: 'early-revoke' | 'tidying',
): Promise<void> {
  await driver.detach(target, policy, urgency)
  // Tidying away what ended on time is everyday work.
  if (urgency === 'early-revoke')
    log.warn({ target: entityId(target), policy, found }, 'a policy that no live grant explains was taken away')
  await record.commit({
    records: [],
    audit: [{ kind: 'policy.taken-away', actor: LATCHKEY, target: entityId(target), policy, found }],
  })
}

async function end({ record }: Taking, stored: CheckedGrant, change: Change): Promise<void> {
  await unlessMoved(() => beginRevoke(record, stored, { ...change, actor: LATCHKEY }))
}

/** It moved meanwhile: whoever moved it, or the next look, sees to it. */
async function unlessMoved(act: () => Promise<unknown>): Promise<void> {
  try {
    await act()
  } catch (error) {
    if (!isLostRace(error)) throw error
  }
}
