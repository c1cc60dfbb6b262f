import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { startPrivateRedis } from '../../../sandbox/project.ts'
import { type CloudTrailRecord, envelope } from '../../../src/oversight/cloudtrail-record.ts'
import { redisInbox } from '../../../src/redis/cloudtrail-inbox.ts'
import { type Connection, connect, type Purpose, untilReady } from '../../../src/redis/connections.ts'
import { redisFeed } from '../../../src/redis/feed.ts'
import { redisFold } from '../../../src/redis/fold-writes.ts'
import { redisRecord } from '../../../src/redis/redis-record-store.ts'
import { parseRules } from '../../../src/rules/file/parse-rules.ts'
import type { RecordPort } from '../../../src/store/record-store.ts'
import { foldS3Writes } from '../../../workers/fold-s3-writes.ts'
import { feedProver } from '../../../workers/prove-feed.ts'
import { RULES } from '../../fixtures/world.ts'
import { APPROVAL_KEY } from '../../unit/grants/a-grant.ts'
import { quietLog, untilWritten } from './bench-redis.ts'
import { principalOf, s3Event, strangerAt } from './s3-events.ts'
import { seedGrants } from './seeded-grants.ts'

/** 50 connections bring at most this many records at once, so the inbox is packed as under that load. */
const WAITING_AT_ONCE = 50
const ONE_IN = 10

export interface FoldFixture {
  readonly grantIds: readonly string[]
  readonly url: string
  /** Fills the inbox through Latchkey's own route, lets the workers' loop fold it, and returns the records per second. */
  fold(records: readonly CloudTrailRecord[]): Promise<number>
  close(): Promise<void>
}

/** Opens a Redis of its own with this many live grants. */
export async function openFoldFixture(liveGrants: number): Promise<FoldFixture> {
  const redis = await startPrivateRedis()
  const connections: Connection[] = []
  const open = async (purpose: Purpose) => {
    const connection = connect(redis.url, purpose, quietLog)
    connections.push(connection)
    if (!(await untilReady(connection, 10_000))) throw new Error('The private Redis did not answer.')
    return connection
  }
  const [writing, asking, reading] = [await open('request'), await open('request'), await open('worker')]
  const record = redisRecord(writing)
  const grantIds = await seedGrants(record, liveGrants)
  if (!(asking instanceof Redis)) throw new Error('A private Redis is no cluster.')
  await untilWritten(asking)
  const parts = { record, writing, asking, reading }
  return {
    grantIds,
    url: redis.url,
    fold: (records) => foldAll(parts, records),
    async close() {
      for (const connection of connections) connection.disconnect()
      await redis.stop()
    },
  }
}

/** Makes new records. One in ten is by one of these grants, in turn. */
export function makeRecords(count: number, grantIds: readonly string[]): readonly CloudTrailRecord[] {
  return Array.from({ length: count }, (_, position) => {
    const grantId = position % ONE_IN === 0 ? grantIds[(position / ONE_IN) % grantIds.length] : undefined
    return envelope.parse(s3Event(grantId === undefined ? strangerAt(position) : principalOf(grantId)))
  })
}

interface FoldParts {
  readonly record: RecordPort
  readonly writing: Connection
  readonly asking: Connection
  readonly reading: Connection
}

async function foldAll(parts: FoldParts, records: readonly CloudTrailRecord[]): Promise<number> {
  const { record, writing, asking, reading } = parts
  await fill(writing, records)
  const before = await asking.zcard('{latchkey}:seen')
  const startedAt = performance.now()
  const prove = feedProver({ feed: redisFeed(writing), rules: parseRules(RULES) })
  const inbox = redisFold(reading, writing, { log: quietLog })
  const loop = foldS3Writes({ record, approvalKey: APPROVAL_KEY, inbox, prove, log: quietLog })
  while ((await asking.xlen('{latchkey}:inbox')) > 0) await delay(5)
  const seconds = (performance.now() - startedAt) / 1_000
  await loop.stop()
  const folded = (await asking.zcard('{latchkey}:seen')) - before
  if (folded !== records.length) throw new Error(`${folded} of ${records.length} records were folded.`)
  return records.length / seconds
}

async function fill(redis: Connection, records: readonly CloudTrailRecord[]): Promise<void> {
  const inbox = redisInbox(redis)
  for (let from = 0; from < records.length; from += WAITING_AT_ONCE) {
    await Promise.all(records.slice(from, from + WAITING_AT_ONCE).map((one) => inbox.append(one)))
  }
}
