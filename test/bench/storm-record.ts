import { setTimeout as delay } from 'node:timers/promises'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { z } from 'zod'
import { bullQueue } from '../../src/redis/job-queue.ts'
import { redisRecord } from '../../src/redis/redis-record-store.ts'
import { startWorld } from '../fixtures/world.ts'
import { atMost, type Bench } from './bench.ts'
import { quietLog, rolePrincipals, untilWritten } from './tools/bench-redis.ts'
import { untilIdle } from './tools/clicks.ts'
import { seedDue } from './tools/due-grants.ts'
import { closing, startQuiet } from './tools/processes.ts'
import { compare, inWords } from './tools/rounds.ts'

const GRANTS = 10_000
/** Everything is written before it is due. The first time allows this much; later runs allow twice what the last took. */
const FIRST_AHEAD_MS = 45_000
const LEAST_AHEAD_MS = 3_000
const AT_ONCE = 500
/** The workers check 10,000 requests for messages to update. */
const LONGEST_SETTLING_MS = 180_000
const BASELINE = 'baseline-ends'
const UNIT = 'ms'

/**
 * 10,000 session grants that end in the same second, from that second until the last is `expired` with its audit event. No grant has a
 * message, but each request is checked for one, as in production. The baseline: as many delayed jobs, each with one script.
 */
export const stormRecord: Bench = {
  name: 'storm-record',
  run: (say) =>
    closing(async (closeLater) => {
      const world = await startWorld()
      closeLater(() => world.stop())
      const cli = new Redis(world.redis.url, { maxRetriesPerRequest: null })
      closeLater(() => cli.disconnect())
      await untilWritten(cli)
      await world.startWorkers()
      const queue = bullQueue(cli, { log: quietLog })
      closeLater(() => queue.close())
      const delayed = new Queue(BASELINE, { connection: cli })
      closeLater(() => delayed.close())
      const facts = { PATH: process.env.PATH ?? '', REDIS_URL: world.redis.url, NAME: BASELINE }
      const worker = await startQuiet('test/bench/baselines/storm-record.js', [], facts)
      closeLater(() => worker.stop())
      const aheadMs = { latchkey: FIRST_AHEAD_MS, baseline: FIRST_AHEAD_MS }
      const means = { record: redisRecord(cli), queue }

      async function latchkey(): Promise<number> {
        const endsAtMs = wholeSecond(aheadMs.latchkey)
        const startedAt = performance.now()
        const grants = await seedDue(means, rolePrincipals(world), GRANTS, endsAtMs)
        aheadMs.latchkey = aheadOf(startedAt)
        const milliseconds = await untilEmpty(cli, '{latchkey}:index:live:grants', endsAtMs)
        await demandExpired(cli, new Set(grants.map(({ id }) => id)))
        await untilIdle(world.redis.url, LONGEST_SETTLING_MS)
        const keys = grants.flatMap(({ id, terms }) => [
          `{latchkey}:grant:${id}`,
          `{latchkey}:request:${terms.requestId}`,
        ])
        await cli.unlink(...keys, '{latchkey}:audit')
        return milliseconds
      }

      async function baseline(): Promise<number> {
        const dueAtMs = wholeSecond(aheadMs.baseline)
        const startedAt = performance.now()
        const ids = Array.from({ length: GRANTS }, (_, number) => `b-${number}`)
        for (let from = 0; from < GRANTS; from += AT_ONCE)
          await delayNoOps(cli, delayed, ids.slice(from, from + AT_ONCE), dueAtMs)
        aheadMs.baseline = aheadOf(startedAt)
        const milliseconds = await untilEmpty(cli, `${BASELINE}:due`, dueAtMs)
        if ((await cli.xlen(`${BASELINE}:audit`)) !== GRANTS) throw new Error('Not every no-op was told.')
        await cli.unlink(`${BASELINE}:audit`, ...ids.map((id) => `${BASELINE}:record:${id}`))
        return milliseconds
      }

      const compared = await compare({ latchkey, baseline }, UNIT, say)
      return atMost(1.2, compared.ratio, `${inWords(compared, UNIT)}; ${GRANTS} ends due in one second`)
    }),
}

function aheadOf(startedAt: number): number {
  return Math.max(LEAST_AHEAD_MS, 2 * (performance.now() - startedAt))
}

function wholeSecond(aheadMs: number): number {
  return Math.ceil((Date.now() + aheadMs) / 1_000) * 1_000
}

async function delayNoOps(cli: Redis, queue: Queue, ids: readonly string[], dueAtMs: number): Promise<void> {
  const pipeline = cli.pipeline()
  for (const id of ids)
    pipeline.hset(`${BASELINE}:record:${id}`, 'status', 'active').zadd(`${BASELINE}:due`, dueAtMs, id)
  await pipeline.exec()
  const opts = { delay: dueAtMs - Date.now(), removeOnComplete: true }
  await queue.addBulk(ids.map((id) => ({ name: 'end', data: { id }, opts })))
}

/** Milliseconds from the due moment until the index is empty. */
async function untilEmpty(cli: Redis, index: string, dueAtMs: number): Promise<number> {
  if (Date.now() > dueAtMs || (await cli.zcard(index)) !== GRANTS)
    throw new Error('Not everything was written in time.')
  await delay(dueAtMs - Date.now())
  while ((await cli.zcard(index)) > 0) await delay(5)
  return Date.now() - dueAtMs
}

const entry = z.tuple([z.string(), z.tuple([z.literal('event'), z.string()])])
const event = z.looseObject({ kind: z.string(), grantId: z.string().optional() })

/** Fails unless each grant has one audit event and the record is `expired`. */
async function demandExpired(cli: Redis, ids: ReadonlySet<string>): Promise<void> {
  const events = (await cli.xrange('{latchkey}:audit', '-', '+')).map((one) =>
    event.parse(JSON.parse(entry.parse(one)[1][1])),
  )
  const told = events.flatMap(({ kind, grantId = '' }) =>
    kind === 'grant.expired' && ids.has(grantId) ? [grantId] : [],
  )
  const stored = await Promise.all([...ids].map((id) => cli.hget(`{latchkey}:grant:${id}`, 'json')))
  const expired = stored.filter((json) => json?.includes('"status":"expired"'))
  if (told.length === ids.size && new Set(told).size === ids.size && expired.length === ids.size) return
  throw new Error(`${told.length} events and ${expired.length} records say that ${ids.size} grants expired.`)
}
