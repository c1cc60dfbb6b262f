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

/**
 * Activates one grant: makes AWS allow it. Only one process works on a grant at a time. Safe to run twice, and safe to
 * run late.
 * @throws whatever is to be tried again: the queue repeats the job
 */
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

/** @returns undefined if the grant may not be activated; its end is then on record */
async function checkActivation(deps: ActivateDeps, found: CheckedGrant): Promise<GenuineGrant | undefined> {
  const { record } = deps
  const { id: grantId, terms } = found.grant
  const stored = checkUse(found)
  if ('fault' in stored) {
    const { fault } = stored
    deps.log.error(
      { grantId, fault },
      'the approval of a grant is forged: the record was changed from outside Latchkey',
    )
    await revokeForged(record, found, fault)
    return undefined
  }
  const reason = await findIneligibility(deps, terms)
  if (reason === undefined) return stored
  await beginRevoke(record, stored, { cause: 'no-longer-eligible', actor: LATCHKEY, detail: reason })
  return undefined
}

/** The order matters: the grant's end is stored, and the grant is in the due index, before AWS is asked to allow anything. */
async function attempt(deps: ActivateDeps, stored: GenuineGrant): Promise<void> {
  const { record } = deps
  // One reading of the clock decides whether the approval is still valid, and when the grant ends.
  const [nowMs, readiness] = await readNowAndReadiness(deps, stored)
  if (nowMs > Date.parse(stored.grant.terms.decidedAt) + APPROVAL_VALID_MS) {
    const detail = 'AWS could not be asked within an hour.'
    await beginRevoke(record, stored, { cause: 'approval-void', actor: LATCHKEY, detail })
    return
  }
  await refuseUnlessReady(deps, stored.grant.terms.principal, nowMs, readiness)
  if (await endOnRefusal(deps, stored, () => revokeIfDenied(deps, stored))) return
  const fixed = await fixEnd(deps, stored, nowMs)
  if (!(await endOnRefusal(deps, fixed, () => activateInAws(deps, fixed, nowMs)))) await commitActive(record, fixed)
}

/**
 * Sends the grant to AWS, and never ends it itself.
 * @returns false: the grant was not ended
 * @throws AWS's refusal, and CONFLICT
 */
async function activateInAws({ record, driver }: ActivateDeps, stored: GenuineGrant, nowMs: number): Promise<false> {
  await driver.activate(orderOf(stored), nowMs, () => refuseIfChanged(record, stored))
  return false
}

/** @returns whether the grant was ended: `work` did so, or AWS refused it. The reason is then on record. */
async function endOnRefusal(
  { record, log }: ActivateDeps,
  stored: GenuineGrant,
  work: () => Promise<boolean>,
): Promise<boolean> {
  const { id: grantId, status } = stored.grant
  try {
    return await work()
  } catch (error) {
    if (!isRefusal(error)) throw error
    log.warn({ grantId, status, code: error.code }, 'AWS refused to activate an approved grant')
    await beginRevoke(record, stored, { cause: 'activation-failed', actor: LATCHKEY, detail: error.message })
    return true
  }
}

function readNowAndReadiness(deps: ActivateDeps, { grant: { terms } }: StoredGrant) {
  return Promise.all([deps.record.now(), readReadiness(deps, terms.principal)])
}

/**
 * Runs just before the write to AWS, which may have waited longer than the lease lasts.
 * @throws CONFLICT if the grant has changed: it was ended, or another process is activating it
 */
async function refuseIfChanged(record: RecordPort, { grant: { id }, version }: StoredGrant): Promise<void> {
  if ((await readGrant(record, id))?.version !== version) throw new LatchkeyError('CONFLICT', { thing: 'grant' })
}

async function fixEnd(
  { record, approvalKey }: ActivateDeps,
  stored: GenuineGrant,
  nowMs: number,
): Promise<GenuineGrant> {
  const { grant, version } = stored
  // Whole seconds, so that the record and the IAM document name the same end.
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

/**
 * The approval put the new end on record and in the due index. Until AWS has it, access ends at the time that AWS was
 * given before.
 */
async function writeExtension(deps: ActivateDeps, stored: GenuineGrant): Promise<void> {
  const { record } = deps
  const [nowMs, readiness] = await readNowAndReadiness(deps, stored)
  await refuseUnlessReady(deps, stored.grant.terms.principal, nowMs, readiness)
  if (await endOnRefusal(deps, stored, () => revokeIfDenied(deps, stored))) return
  if (await endOnRefusal(deps, stored, () => activateInAws(deps, stored, nowMs))) return
  const { unwritten: _, ...grant } = stored.grant
  await record.commit({
    records: [{ kind: 'grant', id: grant.id, expectedVersion: stored.version, next: grant }],
    audit: [{ kind: 'grant.activated', ...factsOf(grant), endsAt: grant.endsAt ?? '' }],
  })
}

function factsOf({ id, terms }: Grant) {
  return { actor: LATCHKEY, requestId: terms.requestId, grantId: id }
}
