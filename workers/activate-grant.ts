import type { Logger } from 'pino'
import { LATCHKEY } from '../src/audit/events.ts'
import { isLatchkeyError, LatchkeyError } from '../src/errors.ts'
import { findYesFault, YES_LASTS_MS } from '../src/grants/approval-mac.ts'
import { beginRevoke } from '../src/grants/begin-revoke.ts'
import type { Driver } from '../src/grants/driver.ts'
import { type Grant, moveGrant, readGrant, type StoredGrant } from '../src/grants/grant.ts'
import { enterTarget } from '../src/grants/grant-commits.ts'
import { orderOf } from '../src/grants/grant-order.ts'
import { type EligibilityNeeds, findIneligibility } from '../src/grants/recheck-eligibility.ts'
import { readReadiness, refuseUnlessReady } from '../src/grants/recovery/readiness.ts'
import { endForged } from '../src/grants/revoke-forged.ts'
import { endIfDenied } from '../src/grants/session/revoke-already-denied.ts'
import { showAgain } from '../src/messages/message.ts'
import type { RecordPort } from '../src/store/record-store.ts'
import { isLostRace } from '../src/store/retry.ts'
import { type Ran, RUN_AGAIN_MS } from './job-handler.ts'

/** Renewed while it is held, so two attempts never overlap; this is how long a process that died keeps the others waiting. */
const LEASE_MS = 15_000

export interface ActivateNeeds extends EligibilityNeeds {
  readonly record: RecordPort
  readonly driver: Driver
  readonly approvalKey: string
  readonly log: Logger
}

/** Makes one grant true in AWS. Safe twice, safe late. */
export async function activateGrant(needs: ActivateNeeds, grantId: string): Promise<Ran> {
  const lease = await needs.record.lease(`grant-${grantId}`, LEASE_MS)
  if (!lease) return { againAt: (await needs.record.now()) + RUN_AGAIN_MS }
  try {
    const stored = await readGrant(needs.record, grantId)
    if (!stored || !waitsForAws(stored.grant)) return {}
    const refused = await findRefusal(needs, grantId, stored)
    if (refused) return {}
    await (stored.grant.status === 'active' ? writeExtension(needs, stored) : attempt(needs, stored))
    return {}
  } finally {
    await lease.release()
  }
}

function waitsForAws({ status, unwritten }: Grant): boolean {
  return status === 'activating' || (status === 'active' && unwritten === true)
}

/** Whether the grant may not be activated; then its end is already on record. */
async function findRefusal(needs: ActivateNeeds, grantId: string, stored: StoredGrant): Promise<boolean> {
  const { record } = needs
  const { terms } = stored.grant
  const fault = findYesFault(needs.approvalKey, grantId, stored.grant)
  if (fault !== undefined) {
    needs.log.error({ grantId, fault }, 'a yes does not add up: somebody wrote into the record')
    await endForged(record, stored, fault)
    return true
  }
  const reason = await findIneligibility(needs, terms)
  if (reason === undefined) return false
  await beginRevoke(record, stored, { cause: 'no-longer-eligible', actor: LATCHKEY, detail: reason })
  return true
}

/** The order of these lines is the guarantee: the end is on record and in the due index before AWS is asked to allow anything. */
async function attempt(needs: ActivateNeeds, stored: StoredGrant): Promise<void> {
  const { record } = needs
  // One time for everything: whether the yes still holds, and the end that follows from it.
  const [nowMs, readiness] = await readTogether(needs, stored)
  if (nowMs > Date.parse(stored.grant.terms.decidedAt) + YES_LASTS_MS) {
    const detail = 'AWS could not be asked within an hour.'
    await beginRevoke(record, stored, { cause: 'approval-void', actor: LATCHKEY, detail })
    return
  }
  await refuseUnlessReady(needs, stored.grant.terms.principal, nowMs, readiness)
  if (await endIfRefused(needs, stored, () => endIfDenied(needs, stored))) return
  const fixed = await fixEnd(record, stored, nowMs)
  if (!(await endIfRefused(needs, fixed, () => ask(needs, fixed, nowMs)))) await commitActive(record, fixed)
}

/** Never an end by itself: what AWS refuses is thrown. */
async function ask({ record, driver }: ActivateNeeds, stored: StoredGrant, nowMs: number): Promise<false> {
  await driver.activate(orderOf(stored.grant), nowMs, () => refuseIfMoved(record, stored))
  return false
}

/** @returns whether the grant has come to its end: `look` found so, or AWS refused, and the reason is on record. */
async function endIfRefused(
  { record, log }: ActivateNeeds,
  stored: StoredGrant,
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

function readTogether(needs: ActivateNeeds, { grant: { terms } }: StoredGrant) {
  return Promise.all([needs.record.now(), readReadiness(needs, terms.principal)])
}

/** Whether AWS said no to this; what failed otherwise is tried again, on the record as it is then. */
function isRefusal(error: unknown): error is LatchkeyError {
  return error instanceof LatchkeyError && !isLatchkeyError(error, 'UNAVAILABLE') && !isLostRace(error)
}

/** A write may wait for its turn longer than our lease lasts: it was ended meanwhile, or somebody else is at it. */
async function refuseIfMoved(record: RecordPort, { grant: { id }, version }: StoredGrant): Promise<void> {
  if ((await readGrant(record, id))?.version !== version) throw new LatchkeyError('CONFLICT', { thing: 'grant' })
}

async function fixEnd(record: RecordPort, { grant, version }: StoredGrant, nowMs: number): Promise<StoredGrant> {
  // Whole seconds: record and IAM document then say the same.
  const endsAtMs = Math.floor((nowMs + grant.terms.durationMinutes * 60_000) / 1_000) * 1_000
  const endsAt = new Date(endsAtMs).toISOString()
  const next = moveGrant(grant, 'activating', { attempts: grant.attempts + 1, endsAt })
  await record.commit({
    ...enterTarget(grant, endsAtMs, nowMs),
    records: [{ kind: 'grant', id: grant.id, expectedVersion: version, next }],
    due: [{ kind: 'grants', id: grant.id, at: endsAtMs }],
    audit: [{ kind: 'grant.attempted', ...factsOf(grant), attempt: next.attempts, endsAt }],
  })
  return { version: version + 1, grant: next }
}

async function commitActive(record: RecordPort, { grant, version }: StoredGrant): Promise<void> {
  const nowMs = await record.now()
  const activatedAt = new Date(nowMs).toISOString()
  const { endsAt } = grant
  if (endsAt === undefined) throw new Error(`Grant ${grant.id} cannot be active without an end.`)
  const next = moveGrant(grant, 'active', { activatedAt })
  const shown = showAgain(grant.terms.requestId, nowMs, `g${version + 1}`)
  await record.commit({
    records: [{ kind: 'grant', id: grant.id, expectedVersion: version, next }],
    due: shown.due,
    audit: [{ kind: 'grant.activated', ...factsOf(grant), endsAt }],
    jobs: [{ act: 'revoke', recordId: grant.id, occasion: String(version + 1), at: Date.parse(endsAt) }, ...shown.jobs],
  })
}

/** The new end is on record and in the due index since the yes. Until AWS holds it, access ends as it did before. */
async function writeExtension(needs: ActivateNeeds, stored: StoredGrant): Promise<void> {
  const { record } = needs
  const [nowMs, readiness] = await readTogether(needs, stored)
  await refuseUnlessReady(needs, stored.grant.terms.principal, nowMs, readiness)
  if (await endIfRefused(needs, stored, () => endIfDenied(needs, stored))) return
  if (await endIfRefused(needs, stored, () => ask(needs, stored, nowMs))) return
  const { unwritten: _, ...grant } = stored.grant
  await record.commit({
    records: [{ kind: 'grant', id: grant.id, expectedVersion: stored.version, next: grant }],
    audit: [{ kind: 'grant.activated', ...factsOf(grant), endsAt: grant.endsAt ?? '' }],
  })
}

function factsOf({ id, terms }: Grant) {
  return { actor: LATCHKEY, requestId: terms.requestId, grantId: id }
}
