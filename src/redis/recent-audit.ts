import { z } from 'zod'
import { type AuditEvent, auditEvent } from '../audit/events.ts'
import type { Connection } from './connections.ts'
import { keysUnder, PREFIX } from './keys.ts'
import { parsedJson } from './parsed-json.ts'
import { answered } from './redis-errors.ts'

const auditJson = z.string().transform(parsedJson).pipe(auditEvent.optional().catch(undefined))

/** The newest audit events, newest first. Stream entries that are no audit events are left out. */
export async function recentAudit(redis: Connection, count: number, prefix = PREFIX): Promise<readonly AuditEvent[]> {
  const entries = await answered(redis.xrevrange(keysUnder(prefix).audit, '+', '-', 'COUNT', count))
  const read = auditJson.array().parse(entries.map(([, fields]) => fields[1] ?? 'null'))
  return read.flatMap((one) => one ?? [])
}
