import type { Logger } from 'pino'
import { LATCHKEY } from '../src/audit/events.ts'
import { isLatchkeyError } from '../src/errors.ts'
import { denySessions } from '../src/grants/deny-sessions.ts'
import type { Driver } from '../src/grants/driver.ts'
import { finishGrant } from '../src/grants/end-grant.ts'
import { isOver, moveGrant, readGrant, type StoredGrant } from '../src/grants/grant.ts'
import type { RecordPort } from '../src/record.ts'
import { type Ran, RUN_AGAIN_MS } from './handler.ts'

/** Longer than every AWS call of one round with its time-outs and retries. */
const LEASE_MS = 60_000
const LOUD_AFTER_MS = 30_000

export interface RevokeNeeds {
  readonly record: RecordPort
  readonly driver: Driver
  readonly log: Logger
}

/** The only place that takes access away. Runs at the end of every grant, on time or early; safe twice, safe late; never gives up. */
export async function revokeGrant(needs: RevokeNeeds, grantId: string): Promise<Ran> {
  const { record } = needs
  const lease = await record.lease(`grant-${grantId}`, LEASE_MS)
  if (!lease) return { againAt: (await record.now()) + RUN_AGAIN_MS }
  try {
    const stored = await readGrant(record, grantId)
    if (!stored) await dropDue(needs, grantId)
    if (!stored || isOver(stored.grant)) return {}
    return await end(needs, stored)
  } finally {
    await lease.release()
  }
}

/** Without this the sweeper would name the job again for ever. */
async function dropDue({ record, log }: RevokeNeeds, grantId: string): Promise<void> {
  log.error({ grantId }, 'a grant that was due is not in the record: somebody took it out')
  await record.commit({
    records: [],
    due: [{ kind: 'grants', id: grantId, at: null }],
    audit: [{ kind: 'alarm.grant-missing', actor: LATCHKEY, grantId }],
  })
}

async function end(needs: RevokeNeeds, stored: StoredGrant): Promise<Ran> {
  const { record } = needs
  const { grant } = stored
  const nowMs = await record.now()
  const endsAtMs = grant.endsAt === undefined ? undefined : Date.parse(grant.endsAt)
  // The end is inside every document that AWS was given: past it there is nothing left to take away.
  if (endsAtMs !== undefined && nowMs >= endsAtMs) {
    await finishGrant(record, stored, 'expired')
    return {}
  }
  if (grant.status !== 'revoking') return endsAtMs === undefined ? {} : { againAt: endsAtMs }
  // Without an end no attempt was made: AWS was never asked to allow anything.
  if (endsAtMs === undefined) {
    await finishGrant(record, stored, 'revoked')
    return {}
  }
  return revokeEarly(needs, stored, nowMs)
}

async function revokeEarly(needs: RevokeNeeds, stored: StoredGrant, nowMs: number): Promise<Ran> {
  const { grant } = stored
  try {
    const outcome = await denySessions(needs, grant.terms.principal, grant.id)
    if (outcome === 'busy') return { againAt: nowMs + RUN_AGAIN_MS }
  } catch (error) {
    await beLoud(needs, stored, nowMs, error)
    throw error
  }
  await finishGrant(needs.record, stored, 'revoked')
  needs.log.info({ grantId: grant.id }, 'revoked and read back')
  return {}
}

/** An early end that AWS does not take is an incident: in the log each time, in the audit once. */
async function beLoud({ record, log }: RevokeNeeds, stored: StoredGrant, nowMs: number, error: unknown): Promise<void> {
  const { grant, version } = stored
  const sentence = error instanceof Error ? error.message : 'unknown'
  log.error({ grantId: grant.id, sentence }, 'an early end is not in force yet; trying again')
  const askedAtMs = Date.parse(grant.end?.at ?? '')
  if (grant.overdueAlarmAt !== undefined || !(nowMs - askedAtMs > LOUD_AFTER_MS)) return
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
