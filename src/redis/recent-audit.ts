import { z } from 'zod'
import { type AuditEvent, auditEvent } from '../audit/events.ts'
import { answered } from './answers.ts'
import type { Connection } from './connections.ts'
import { keysUnder, PREFIX } from './keys.ts'
import { parsedJson } from './parsed-json.ts'

const auditJson = z.string().transform(parsedJson).pipe(auditEvent.optional().catch(undefined))

/** The newest audit events, the newest first. What is none was not written by us, and is left out. */
export async function recentAudit(redis: Connection, count: number, prefix = PREFIX): Promise<readonly AuditEvent[]> {
  const entries = await answered(redis.xrevrange(keysUnder(prefix).audit, '+', '-', 'COUNT', count))
  const read = auditJson.array().parse(entries.map(([, fields]) => fields[1] ?? 'null'))
  return read.flatMap((one) => one ?? [])
}
