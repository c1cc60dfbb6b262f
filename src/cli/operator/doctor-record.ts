import type { AuditEvent } from '../../audit/events.ts'
import type { Setup } from '../../config.ts'
import { preflight } from '../../redis/check-redis.ts'
import { type Connection, masters } from '../../redis/connections.ts'
import { infoNumber, parseInfo } from '../../redis/info.ts'
import { recentAudit } from '../../redis/recent-audit.ts'
import { workersFindings } from './doctor-workers.ts'
import { type Finding, runCheck } from './finding.ts'
import { openFeed } from './site.ts'

const AREA = 'Record (Redis)'
const FEED = 'Activity feed'
/** How many audit events are read, from the newest back. */
const AUDIT_EVENTS_READ = 10_000
/** The reasons of unexplained writes by a session that is named after a grant but does not belong to one. */
const NO_GRANT: ReadonlySet<string> = new Set(['unknown-grant', 'other-principal', 'other-account', 'never-active'])

export async function recordFindings(service: Setup): Promise<readonly Finding[]> {
  return await runCheck(AREA, async () => {
    const { feed, record, redis } = await openFeed(service)
    try {
      const { refusals, warnings } = await preflight(redis, { durability: service.config.redisDurability })
      const room = (await hasLimit(redis)) ? [roomFinding(await record.hasRoom())] : []
      const proven = await feed.proven()
      const audit = await recentAudit(redis, AUDIT_EVENTS_READ)
      return [
        ...facts(refusals, warnings),
        ...room,
        ...(await workersFindings(service.rules, record)),
        ...[...service.rules.buckets.keys()].map((bucket) => bucketFinding(bucket, proven.get(bucket))),
        unknownSessions(audit),
      ]
    } finally {
      redis.disconnect()
    }
  })
}

/** Whether every master has `maxmemory`. Without it there is no share to report; preflight warns about that. */
async function hasLimit(redis: Connection): Promise<boolean> {
  const infos = await Promise.all(masters(redis).map((master) => master.info('memory')))
  return infos.every((info) => infoNumber(parseInfo(info), 'maxmemory') > 0)
}

function roomFinding(hasRoom: boolean): Finding {
  const area = AREA
  if (hasRoom) return { area, state: 'ok', says: 'There is room: less than 70 % of its memory is used.' }
  const says = 'More than 70 % of its memory is used: no new asks are taken.'
  return { area, state: 'wrong', says, next: 'Give it more.' }
}

function facts(refusals: readonly string[], warnings: readonly string[]): readonly Finding[] {
  const area = AREA
  const durable: Finding = {
    area,
    state: 'ok',
    says: 'It keeps what it acknowledges, and its clock is this machine’s.',
  }
  return [
    ...(refusals.length + warnings.length === 0 ? [durable] : []),
    ...refusals.map((says): Finding => ({ area, state: 'wrong', says })),
    ...warnings.map((says): Finding => ({ area, state: 'note', says })),
  ]
}

function bucketFinding(bucket: string, at: string | undefined): Finding {
  if (at !== undefined) return { area: FEED, state: 'ok', says: `${bucket}: proven, a record of ${at} came.` }
  return {
    area: FEED,
    state: 'note',
    says: `${bucket}: not proven, no CloudTrail record of it has come yet.`,
    next: 'After `latchkey aws setup`, write one object to it; the record comes within minutes.',
  }
}

/**
 * Calls by sessions that are named after a grant but have none, and elevation roles that somebody assumed without
 * Latchkey.
 */
function unknownSessions(audit: readonly AuditEvent[]): Finding {
  const area = 'Unknown sessions'
  const unexplained = audit.flatMap((event) => (event.kind === 'write.unexplained' ? [event] : []))
  const unknown = unexplained.filter(({ reason, name }) => NO_GRANT.has(reason) || name.startsWith('AssumeRole'))
  const [newest] = unknown
  if (newest === undefined) return { area, state: 'ok', says: 'None was seen.' }
  const { name, principal, account, lastAt } = newest
  return {
    area,
    state: 'wrong',
    says: `${unknown.length} were seen, the newest: ${name} by ${principal} in ${account} at ${lastAt}.`,
    next: 'Find out who that was: the audit holds each as write.unexplained.',
  }
}
