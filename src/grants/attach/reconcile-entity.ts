import { each } from '../../async.ts'
import { LATCHKEY } from '../../audit/events.ts'
import type { Rules } from '../../rules/rules.ts'
import type { RecordPort } from '../../store/record-store.ts'
import { isLostRace } from '../../store/retry.ts'
import { findYesFault } from '../approval-mac.ts'
import { beginRevoke } from '../begin-revoke.ts'
import type { AttachTargets, Target } from '../driver.ts'
import { type Grant, isOver, readGrant, readGrants, type StoredGrant } from '../grant.ts'
import { LOOK_AGAIN_MS } from '../grant-commits.ts'
import { grantIdOf, targetId, targetOf } from '../iam-entity.ts'
import { endForged } from '../revoke-forged.ts'
import { type Change, findChange, findHolderFault } from './entity-changes.ts'
import { readActiveOn, readTargets } from './find-on-entity.ts'

/** Renewed while it is held: this is only how long a process that died keeps the others waiting. */
const LEASE_MS = 15_000

export interface TargetNeeds {
  readonly record: RecordPort
  readonly driver: AttachTargets
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
export async function lookAtTarget(needs: TargetNeeds, target: Target, look: Look): Promise<'looked' | 'busy'> {
  return await alone(needs, target, async () => {
    // In this order. A grant was attached before it was active, and was on record before it was attached: so what is active and then not
    // attached was taken away, and what is attached and then not on record is nobody's.
    const active = await readActiveOn(needs.record, target)
    const attached = await needs.driver.attached(target, look)
    const stored = await readGrants(
      needs.record,
      attached.flatMap(({ policyName }) => grantIdOf(policyName) ?? []),
    )
    const known = new Map(stored.map((one) => [one.grant.id, one]))
    await each(attached, ({ policyName }) =>
      takeStray(needs, target, policyName, known.get(grantIdOf(policyName) ?? '')?.grant),
    )
    const changed = active.length === 0 ? undefined : await findHolderFault(needs.driver, target)
    await each(active, (one) =>
      endChanged(needs, one, changed?.(one.grant) ?? findChange(needs.rules, one.grant, attached, look)),
    )
  })
}

/** The entry of one grant in the due index has come: its policy is tidied away, or looked for again after its early end. */
export async function keepDueTarget(needs: TargetNeeds, grantId: string): Promise<void> {
  const { record, approvalKey } = needs
  const stored = await readGrant(record, grantId)
  const principal = stored?.grant.terms.principal
  const isTrue = stored !== undefined && findYesFault(approvalKey, grantId, stored.grant) === undefined
  const targets = isTrue && principal?.driver === 'attach' ? [targetOf(principal)] : await readTargets(needs)
  const outcomes = await each(targets, (target) => lookAtTarget(needs, target, { documents: false }))
  if (outcomes.includes('busy')) return
  await record.commit({
    records: [],
    due: [{ kind: 'targets', id: grantId, at: nextLook(stored?.grant, await record.now()) }],
    audit: [{ kind: 'target.verified', actor: LATCHKEY, grantId, targets: targets.map(targetId) }],
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
export async function takeAllAttached(needs: Taking, accountId: string): Promise<void> {
  const targets = (await readTargets(needs)).filter(({ account }) => account === accountId)
  await each(targets, async (target) => {
    const active = await readActiveOn(needs.record, target)
    const attached = await needs.driver.attached(target)
    await each(attached, ({ policyName }) => take(needs, target, policyName, 'other-epoch', 'early-revoke'))
    const detail = 'The record was emptied or put back from a copy; everything attached was taken away.'
    await each(active, (stored) => end(needs, stored, { cause: 'ended-before', detail }))
  })
}

async function alone(needs: TargetNeeds, target: Target, act: () => Promise<void>): Promise<'looked' | 'busy'> {
  const lease = await needs.record.lease(`target-${targetId(target)}`, LEASE_MS)
  if (!lease) return 'busy'
  try {
    await act()
    return 'looked'
  } finally {
    await lease.release()
  }
}

type Taking = Pick<TargetNeeds, 'record' | 'driver' | 'log'>
type Stray = 'unknown' | 'over' | 'other-principal' | 'other-epoch'

async function takeStray(needs: TargetNeeds, target: Target, policyName: string, grant: Grant | undefined) {
  const stray = findStray(needs.approvalKey, target, grant)
  // Only an end on time is inside the policy: what was ended early and lies there all the same landed late, and still gives access.
  const urgency = stray === 'over' && grant?.status === 'expired' ? 'tidying' : 'early-revoke'
  if (stray) await take(needs, target, policyName, stray, urgency)
}

/** Undefined: it may lie there, or the revocation of its grant is under way. A record that somebody wrote explains nothing. */
function findStray(approvalKey: string, target: Target, grant: Grant | undefined): Stray | undefined {
  if (!grant || findYesFault(approvalKey, grant.id, grant) !== undefined) return 'unknown'
  if (isOver(grant)) return 'over'
  const { principal } = grant.terms
  const isThere = principal.driver === 'attach' && targetId(targetOf(principal)) === targetId(target)
  return isThere ? undefined : 'other-principal'
}

async function take(
  { record, driver, log }: Taking,
  target: Target,
  policy: string,
  found: Stray,
  urgency: 'early-revoke' | 'tidying',
): Promise<void> {
  await driver.detach(target, policy, urgency)
  // Tidying away what ended on time is everyday work.
  if (urgency === 'early-revoke')
    log.warn({ target: targetId(target), policy, found }, 'a policy that no live grant explains was taken away')
  await record.commit({
    records: [],
    audit: [{ kind: 'policy.taken-away', actor: LATCHKEY, target: targetId(target), policy, found }],
  })
}

async function endChanged(needs: TargetNeeds, stored: StoredGrant, change: Change | undefined): Promise<void> {
  const { grant } = stored
  const fault = findYesFault(needs.approvalKey, grant.id, grant)
  if (fault !== undefined) await unlessMoved(() => endForged(needs.record, stored, fault))
  else if (change) await end(needs, stored, change)
}

async function end({ record }: Taking, stored: StoredGrant, change: Change): Promise<void> {
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
