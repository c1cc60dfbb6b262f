import type { Logger } from 'pino'
import { LATCHKEY } from '../src/audit/events.ts'
import { isLatchkeyError } from '../src/errors.ts'
import { latestEnd } from '../src/grants/approval-mac.ts'
import { type CheckedGrant, isBelieved, readGenuineGrant } from '../src/grants/genuine-grant.ts'
import { type Grant, hasEnded, isOver, moveGrant, readGrant, type StoredGrant } from '../src/grants/grant.ts'
import { finishGrant } from '../src/grants/grant-commits.ts'
import { revokeInAws } from '../src/grants/revoke-in-aws.ts'
import type { DenyDeps } from '../src/grants/session/reconcile-deny-list.ts'
import { LIVE } from '../src/store/indexes.ts'
import type { EndsUnderWay } from './ends-in-progress.ts'
import { expireDue } from './expire-grants.ts'
import { handleAlone, type JobOutcome, RUN_AGAIN_MS } from './job-handler.ts'

const ALARM_AFTER_MS = 30_000
const MAX_OVERDUE = 200

export interface RevokeDeps extends DenyDeps {
  readonly log: Logger
  readonly ends: EndsUnderWay
}

/**
 * Ends one grant, on time or early. The only place that revokes access. Safe to run twice, and safe to run late; it
 * never gives up.
 * @throws whatever is to be tried again: the queue repeats the job
 */
export async function revokeGrant(deps: RevokeDeps, grantId: string): Promise<JobOutcome> {
  const { record } = deps
  const [nowMs, stored] = await Promise.all([record.now(), readGrant(record, grantId)])
  if (!stored) return await dropDue(deps, grantId)
  if (isOver(stored.grant)) return await dropStaleDue(deps, stored.grant, nowMs)
  if (!hasEnded(stored.grant, nowMs)) return await endAlone(deps, grantId)
  // Ends on time are written together, since most grants end at the full hour.
  const expired = await expireDue(deps)
  if (expired === 'busy') return { againAt: nowMs + RUN_AGAIN_MS }
  return expired.has(grantId) ? {} : await endAlone(deps, grantId)
}

async function endAlone(deps: RevokeDeps, grantId: string): Promise<JobOutcome> {
  const { record } = deps
  return await handleAlone(record, `grant-${grantId}`, async () => {
    const [nowMs, stored] = await Promise.all([record.now(), readGenuineGrant(deps, grantId)])
    return stored && !isOver(stored.grant) ? await end(deps, stored, nowMs) : {}
  })
}

/** Removes the due entry of a missing grant. Otherwise the sweeper would enqueue the job for ever. */
async function dropDue({ record, log }: RevokeDeps, grantId: string): Promise<JobOutcome> {
  log.error({ grantId }, 'a due grant is missing from the record: the record was changed from outside Latchkey')
  await record.commit({
    records: [],
    due: [{ kind: 'grants', id: grantId, at: null }],
    indexes: [{ ...LIVE, id: grantId, at: null }],
    audit: [{ kind: 'alarm.grant-missing', actor: LATCHKEY, grantId }],
  })
  return {}
}

/**
 * Removes a due entry that was left behind. A job that finds its grant over is usually only late. But if the grant's
 * entry is among the longest overdue, the sweeper keeps enqueuing it.
 */
async function dropStaleDue({ record }: RevokeDeps, { id, terms }: Grant, nowMs: number): Promise<JobOutcome> {
  const due = await record.due('grants', nowMs, MAX_OVERDUE)
  if (!due.some((entry) => entry.id === id)) return {}
  await record.commit({
    records: [],
    due: [{ kind: 'grants', id, at: null }],
    indexes: [{ ...LIVE, id, at: null }],
    audit: [{ kind: 'grant.due-taken-out', actor: LATCHKEY, requestId: terms.requestId, grantId: id }],
  })
  return {}
}

async function end(deps: RevokeDeps, stored: CheckedGrant, nowMs: number): Promise<JobOutcome> {
  const { grant } = stored
  if (grant.status === 'revoking') return revokeEarly(deps, stored, nowMs)
  if (grant.endsAt === undefined) return {}
  if (!hasEnded(grant, nowMs)) return { againAt: nowMs + Date.parse(grant.endsAt) - Math.min(nowMs, Date.now()) }
  // The end is inside every document that AWS was given, so nothing is left to revoke there.
  await finishGrant(deps.record, stored, 'expired')
  return {}
}

/**
 * Limits early revokes by account; AWS writes them one by one anyway. A job beyond the limit runs again after
 * `RUN_AGAIN_MS`, and holds no lease meanwhile.
 */
async function revokeEarly(deps: RevokeDeps, stored: CheckedGrant, nowMs: number): Promise<JobOutcome> {
  const { grant } = stored
  // A forged grant is revoked in every account, and waits for the slowest.
  const account = isBelieved(stored) ? grant.terms.principal.account : 'everywhere'
  const outcome = await deps.ends.early(account, () => revokeAndVerify(deps, stored, nowMs))
  if (outcome !== 'full') return outcome
  const error = new Error('Other early ends of its account are under way, and AWS is slow there.')
  await raiseOverdueAlarm(deps, stored, nowMs, error)
  return { againAt: nowMs + RUN_AGAIN_MS }
}

/** Revokes a grant that is `revoking`. AWS is asked even if the recorded end has passed, because it may be forged. */
async function revokeAndVerify(deps: RevokeDeps, stored: CheckedGrant, nowMs: number): Promise<JobOutcome> {
  const { grant } = stored
  try {
    if ((await revokeInAws(deps, stored)) === 'busy') {
      await raiseOverdueAlarm(deps, stored, nowMs, new Error('Somebody else is writing the Deny document.'))
      return { againAt: nowMs + RUN_AGAIN_MS }
    }
  } catch (error) {
    if (isPastAnyEnd(stored, nowMs)) {
      await finishGrant(deps.record, stored, 'expired')
      return {}
    }
    deps.log.error({ grantId: grant.id, err: error }, 'an early end is not in force yet; it is tried again')
    await raiseOverdueAlarm(deps, stored, nowMs, error)
    throw error
  }
  await finishGrant(deps.record, stored, 'revoked')
  deps.log.info({ grantId: grant.id }, 'revoked, and verified in AWS')
  return {}
}

/**
 * Whether the latest end that the approval allows is past. Then the grant has ended by itself, even if its role cannot
 * be written any more, for example because it was deleted.
 */
function isPastAnyEnd(stored: CheckedGrant, nowMs: number): boolean {
  return isBelieved(stored) && Math.min(nowMs, Date.now()) > latestEnd(stored.grant.terms)
}

/** An early end that is not in force after half a minute is an incident. It is logged each time, and audited once. */
async function raiseOverdueAlarm(
  { record, log }: RevokeDeps,
  stored: StoredGrant,
  nowMs: number,
  error: unknown,
): Promise<void> {
  const { grant, version } = stored
  const askedAtMs = Date.parse(grant.end?.at ?? grant.terms.decidedAt)
  if (!(nowMs - askedAtMs > ALARM_AFTER_MS)) return
  const sentence = error instanceof Error ? error.message : 'unknown'
  log.error({ grantId: grant.id, sentence }, 'an early end is overdue')
  if (grant.overdueAlarmAt !== undefined) return
  const next = moveGrant(grant, 'revoking', { overdueAlarmAt: new Date(nowMs).toISOString() })
  const facts = { actor: LATCHKEY, requestId: grant.terms.requestId, grantId: grant.id }
  try {
    await record.commit({
      records: [{ kind: 'grant', id: grant.id, expectedVersion: version, next }],
      audit: [{ kind: 'alarm.revoke-overdue', ...facts, sentence }],
    })
  } catch (failed) {
    if (!isLatchkeyError(failed, 'CONFLICT')) throw failed
  }
}
