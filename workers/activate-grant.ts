import type { Logger } from 'pino'
import { LATCHKEY } from '../src/audit/events.ts'
import { LatchkeyError } from '../src/errors.ts'
import { APPROVAL_VALID_MS } from '../src/grants/approval-mac.ts'
import { beginRevoke } from '../src/grants/begin-revoke.ts'
import type { Driver } from '../src/grants/driver.ts'
import {
  type CheckedGrant,
  checkUse,
  type GenuineGrant,
  readGenuineGrant,
  requireGenuine,
} from '../src/grants/genuine-grant.ts'
import { type Grant, readGrant, type StoredGrant } from '../src/grants/grant.ts'
import { addToEntityIndexes } from '../src/grants/grant-commits.ts'
import { orderOf } from '../src/grants/grant-order.ts'
import { type EligibilityDeps, findIneligibility } from '../src/grants/recheck-eligibility.ts'
import { readReadiness, refuseUnlessReady } from '../src/grants/recovery/readiness.ts'
import { revokeForged } from '../src/grants/revoke-forged.ts'
import { revokeIfDenied } from '../src/grants/session/revoke-already-denied.ts'
import { messagesDue } from '../src/messages/message.ts'
import { isRefusal } from '../src/store/audit-refusal.ts'
import { type Commit, joinCommits } from '../src/store/commit.ts'
import type { RecordPort } from '../src/store/record-store.ts'
import { handleAlone, type JobOutcome } from './job-handler.ts'

export interface ActivateDeps extends EligibilityDeps {
  readonly record: RecordPort
  readonly driver: Driver
  readonly approvalKey: string
  readonly log: Logger
}

/** Makes one grant true in AWS, one attempt at a time. Safe twice, safe late. */
export async function activateGrant(deps: ActivateDeps, grantId: string): Promise<JobOutcome> {
  return await handleAlone(deps.record, `grant-${grantId}`, async () => {
    const found = await readGenuineGrant(deps, grantId)
    if (!found || !waitsForAws(found.grant)) return {}
    const stored = await checkActivation(deps, found)
    if (!stored) return {}
    await (stored.grant.status === 'active' ? writeExtension(deps, stored) : attempt(deps, stored))
    return {}
  })
}

function waitsForAws({ status, unwritten }: Grant): boolean {
  return status === 'activating' || (status === 'active' && unwritten === true)
}

/** Undefined: the grant may not be activated, and its end is already on record. */
async function checkActivation(deps: ActivateDeps, found: CheckedGrant): Promise<GenuineGrant | undefined> {
  const { record } = deps
  const { id: grantId, terms } = found.grant
  const stored = checkUse(found)
  if ('fault' in stored) {
    const { fault } = stored
    deps.log.error({ grantId, fault }, 'a yes does not add up: somebody wrote into the record')
    await revokeForged(record, found, fault)
    return undefined
  }
  const reason = await findIneligibility(deps, terms)
  if (reason === undefined) return stored
  await beginRevoke(record, stored, { cause: 'no-longer-eligible', actor: LATCHKEY, detail: reason })
  return undefined
}

/** The order of these lines is the guarantee: the end is on record and in the due index before AWS is asked to allow anything. */
async function attempt(deps: ActivateDeps, stored: GenuineGrant): Promise<void> {
  const { record } = deps
  // One time for everything: whether the yes still holds, and the end that follows from it.
  const [nowMs, readiness] = await readTogether(deps, stored)
  if (nowMs > Date.parse(stored.grant.terms.decidedAt) + APPROVAL_VALID_MS) {
    const detail = 'AWS could not be asked within an hour.'
    await beginRevoke(record, stored, { cause: 'approval-void', actor: LATCHKEY, detail })
    return
  }
  await refuseUnlessReady(deps, stored.grant.terms.principal, nowMs, readiness)
  if (await endIfRefused(deps, stored, () => revokeIfDenied(deps, stored))) return
  const fixed = await fixEnd(deps, stored, nowMs)
  if (!(await endIfRefused(deps, fixed, () => ask(deps, fixed, nowMs)))) await commitActive(record, fixed)
}

/** Never an end by itself: what AWS refuses is thrown. */
async function ask({ record, driver }: ActivateDeps, stored: GenuineGrant, nowMs: number): Promise<false> {
  await driver.activate(orderOf(stored), nowMs, () => refuseIfMoved(record, stored))
  return false
}

/** @returns whether the grant has come to its end: `look` found so, or AWS refused, and the reason is on record. */
async function endIfRefused(
  { record, log }: ActivateDeps,
  stored: GenuineGrant,
  look: () => Promise<boolean>,
): Promise<boolean> {
  const { id: grantId, status } = stored.grant
  try {
    return await look()
  } catch (error) {
    if (!isRefusal(error)) throw error
    log.warn({ grantId, status, code: error.code }, 'AWS refused what was approved')
    await beginRevoke(record, stored, { cause: 'activation-failed', actor: LATCHKEY, detail: error.message })
    return true
  }
}

function readTogether(deps: ActivateDeps, { grant: { terms } }: StoredGrant) {
  return Promise.all([deps.record.now(), readReadiness(deps, terms.principal)])
}

/** A write may wait for its turn longer than our lease lasts: it was ended meanwhile, or somebody else is at it. */
async function refuseIfMoved(record: RecordPort, { grant: { id }, version }: StoredGrant): Promise<void> {
  if ((await readGrant(record, id))?.version !== version) throw new LatchkeyError('CONFLICT', { thing: 'grant' })
}

async function fixEnd(
  { record, approvalKey }: ActivateDeps,
  stored: GenuineGrant,
  nowMs: number,
): Promise<GenuineGrant> {
  const { grant, version } = stored
  // Whole seconds: record and IAM document then say the same.
  const endsAtMs = Math.floor((nowMs + grant.terms.durationMinutes * 60_000) / 1_000) * 1_000
  const endsAt = new Date(endsAtMs).toISOString()
  const next = stored.moveTo('activating', { attempts: grant.attempts + 1, endsAt })
  await record.commit({
    ...addToEntityIndexes(grant, endsAtMs, nowMs),
    records: [{ kind: 'grant', id: grant.id, expectedVersion: version, next }],
    due: [{ kind: 'grants', id: grant.id, at: endsAtMs }],
    audit: [{ kind: 'grant.attempted', ...factsOf(grant), attempt: next.attempts, endsAt }],
  })
  return requireGenuine(approvalKey, { version: version + 1, grant: next })
}

async function commitActive(record: RecordPort, stored: GenuineGrant): Promise<void> {
  const { grant, version } = stored
  const nowMs = await record.now()
  const activatedAt = new Date(nowMs).toISOString()
  const { endsAt } = grant
  if (endsAt === undefined) throw new Error(`Grant ${grant.id} cannot be active without an end.`)
  const next = stored.moveTo('active', { activatedAt })
  const active: Commit = {
    records: [{ kind: 'grant', id: grant.id, expectedVersion: version, next }],
    audit: [{ kind: 'grant.activated', ...factsOf(grant), endsAt }],
    jobs: [{ act: 'revoke', recordId: grant.id, occasion: String(version + 1), at: Date.parse(endsAt) }],
  }
  await record.commit(joinCommits(active, messagesDue(grant.terms.requestId, nowMs, `g${version + 1}`)))
}

/** The new end is on record and in the due index since the yes. Until AWS holds it, access ends as it did before. */
async function writeExtension(deps: ActivateDeps, stored: GenuineGrant): Promise<void> {
  const { record } = deps
  const [nowMs, readiness] = await readTogether(deps, stored)
  await refuseUnlessReady(deps, stored.grant.terms.principal, nowMs, readiness)
  if (await endIfRefused(deps, stored, () => revokeIfDenied(deps, stored))) return
  if (await endIfRefused(deps, stored, () => ask(deps, stored, nowMs))) return
  const { unwritten: _, ...grant } = stored.grant
  await record.commit({
    records: [{ kind: 'grant', id: grant.id, expectedVersion: stored.version, next: grant }],
    audit: [{ kind: 'grant.activated', ...factsOf(grant), endsAt: grant.endsAt ?? '' }],
  })
}

function factsOf({ id, terms }: Grant) {
  return { actor: LATCHKEY, requestId: terms.requestId, grantId: id }
}
