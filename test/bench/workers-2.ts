import { Redis } from 'ioredis'
import { bullQueue } from '../../src/redis/job-queue.ts'
import { redisRecord } from '../../src/redis/redis-record-store.ts'
import { endProcess, freePort, startWorld, type World } from '../fixtures/world.ts'
import { atLeast, type Bench } from './bench.ts'
import { quietLog, rolePrincipals } from './tools/bench-redis.ts'
import { untilIdle } from './tools/clicks.ts'
import { seedApproved } from './tools/due-grants.ts'
import { until } from './tools/life.ts'
import { closing, type RunningProcess, startQuiet } from './tools/processes.ts'
import { compare, inWords } from './tools/rounds.ts'

const ACTIVATIONS = 120
/** Activations that each process makes before the measurement. */
const BEFORE = 20
const REPLY_HELD_MS = 50
/** Jobs at once in each process: few enough that waiting 50 ms for the replies takes far longer than computing them. */
const FEW_AT_ONCE = 2
/** Everything is written before this moment. */
const AHEAD_MS = 1_500
const UNIT = 'activations/s'

type Start = () => Promise<Pick<RunningProcess, 'stop'>>

/**
 * Activations per second of two worker processes against one, with each reply of AWS held for 50 ms. What they share (record, queue, leases) must not
 * make them wait for each other. All jobs are due at one moment; measured is the time from then until STS has answered the last.
 * Each process runs two jobs at once, so that it waits for replies. With the product's twenty at once, one process is busy computing, and when it, the sandbox
 * and Redis use all cores, a second one cannot add speed. The detail gives that number too, measured once.
 * Every turn has new processes that have activated some grants before, because a process that is only stopped would still take jobs from Redis.
 */
export const workers2: Bench = {
  name: 'workers-2',
  run: (say) =>
    closing(async (closeLater) => {
      const world = await startWorld()
      closeLater(() => world.stop())
      const { child } = await world.startWorkers()
      const cli = new Redis(world.redis.url, { maxRetriesPerRequest: null })
      closeLater(() => cli.disconnect())
      const queue = bullQueue(cli, { log: quietLog })
      closeLater(() => queue.close())
      const means = { record: redisRecord(cli), queue }
      await until('the role is adopted', async () => (await cli.keys('{latchkey}:deny:*')).length > 0)
      await endProcess(child, 'SIGTERM')

      async function activate(count: number): Promise<number> {
        const dueAtMs = Date.now() + AHEAD_MS
        const assumed = untilAssumed(world, count)
        await seedApproved(means, rolePrincipals(world), count, dueAtMs)
        const seconds = ((await assumed) - dueAtMs) / 1_000
        await untilIdle(world.redis.url)
        return count / seconds
      }
      const rate = (start: Start, running: number) =>
        closing(async (stopLater) => {
          world.aws.faults.delay({ service: 'sts', action: 'AssumeRole' }, REPLY_HELD_MS, Number.POSITIVE_INFINITY)
          stopLater(() => world.aws.faults.clear())
          for (const one of await Promise.all(Array.from({ length: running }, start))) stopLater(() => one.stop())
          await activate(BEFORE * running)
          return await activate(ACTIVATIONS)
        })

      const few = () => startFew(world)
      const compared = await compare({ latchkey: () => rate(few, 2), baseline: () => rate(few, 1) }, UNIT, say)
      const product = () => startProduct(world)
      const once = { latchkey: await rate(product, 2), baseline: await rate(product, 1) }
      return atLeast(
        1.9,
        compared.ratio,
        `${inWords(compared, UNIT)}, two processes against one, ${FEW_AT_ONCE} at once in each; as the product runs, 20 at once: ${inWords(once, UNIT)}`,
      )
    }),
}

async function startFew(world: World): Promise<RunningProcess> {
  const env = { ...world.environment('workers', await freePort()), JOBS_AT_ONCE: String(FEW_AT_ONCE) }
  return startQuiet('test/bench/tools/few-at-once.js', [], {
    ...env,
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
  })
}

async function startProduct(world: World): Promise<Pick<RunningProcess, 'stop'>> {
  const { child } = await world.startWorkers()
  return { stop: () => endProcess(child, 'SIGTERM') }
}

/** Resolves when STS has answered them all. */
function untilAssumed({ aws }: World, count: number): Promise<number> {
  let done = 0
  return new Promise((resolve, reject) => {
    const unsubscribe = aws.journal.subscribe(({ action, outcome }) => {
      if (action !== 'AssumeRole') return
      if (outcome === 'refused') reject(new Error('STS refused.'))
      done += 1
      if (done < count) return
      unsubscribe()
      resolve(Date.now())
    })
  })
}
