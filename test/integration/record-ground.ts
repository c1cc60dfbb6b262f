import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { type Logger, pino } from 'pino'
import { type AuditEvent, LATCHKEY } from '../../src/audit/events.ts'
import type { RecordKind, RecordWrite } from '../../src/record.ts'
import { type Connection, connect, type Purpose, untilReady } from '../../src/redis/connections.ts'

/** What every test of the record and the queue stands on: connections that are closed again, and a log that can be read. */
export interface Ground {
  readonly prefix: string
  readonly log: Logger
  readonly lines: readonly { readonly level: number; readonly msg: string }[]
  open(purpose: Purpose, url?: string): Promise<Connection>
  close(): void
}

export function ground(name: string, url = process.env.REDIS_URL ?? ''): Ground {
  const opened: Connection[] = []
  const lines: { level: number; msg: string }[] = []
  const log = pino({ level: 'debug' }, { write: (line: string) => lines.push(JSON.parse(line)) })
  return {
    prefix: `{t-${name}-${randomBytes(4).toString('hex')}}`,
    log,
    lines,
    async open(purpose, other = url) {
      const redis = connect(other, purpose, log)
      opened.push(redis)
      if (!(await untilReady(redis, 10_000))) throw new Error('These tests need Redis: run them under with-redis.mjs.')
      return redis
    },
    close() {
      for (const redis of opened) redis.disconnect()
    },
  }
}

/** Waits for a fact; the test's own time limit is the only one. */
export async function until(fact: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await fact())) await delay(10)
}

export function newId(letter: 'r' | 'g' = 'g'): string {
  return `${letter}-${randomBytes(6).toString('hex')}`
}

export function eventOf(requestId = 'r-1'): AuditEvent {
  return { kind: 'request.lapsed', actor: LATCHKEY, requestId }
}

export function write(
  id: string,
  expectedVersion: number,
  next: object = { id },
  kind: RecordKind = 'grant',
): RecordWrite {
  return { kind, id, expectedVersion, next }
}

/** Every key under the prefix, byte for byte. */
export async function dump(redis: Connection, prefix: string): Promise<ReadonlyMap<string, string>> {
  const keys = (await redis.keys(`${prefix}:*`)).sort()
  const values = await Promise.all(keys.map(async (key) => (await redis.dumpBuffer(key))?.toString('hex') ?? ''))
  return new Map(keys.map((key, position) => [key, values[position] ?? '']))
}
