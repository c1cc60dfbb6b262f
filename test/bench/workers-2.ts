import { Redis } from 'ioredis'
import { bullQueue } from '../../src/redis/job-queue.ts'
import { redisRecord } from '../../src/redis/redis-record-store.ts'
import { endProcess, freePort, startWorld, type World } from '../fixtures/world.ts'
import { atLeast, type Bench } from './bench.ts'
import { quietLog, rolePrincipals } from './bench-redis.ts'
import { untilIdle } from './clicks.ts'
import { seedApproved } from './due-grants.ts'
import { until } from './life.ts'
import { closing, type RunningProcess, startQuiet } from './processes.ts'
import { compare, inWords } from './rounds.ts'

const ACTIVATIONS = 120
/** By each process, before it is measured. */
const BEFORE = 20
const REPLY_HELD_MS = 50
/** In each process: so many replies of 50 ms are waited for in a fraction of what this machine's cores could compute meanwhile. */
const FEW_AT_ONCE = 2
/** Until then everything is written. */
const AHEAD_MS = 1_500
const UNIT = 'activations/s'

type Start = () => Promise<Pick<RunningProcess, 'stop'>>

/**
 * Activations per second of two worker processes against one, each reply of AWS held for 50 ms: what they share (record, queue, leases) must not
 * make them wait for each other. The jobs are all due at one moment; from then until STS has answered the last one. Each process does two jobs at
 * once, so that the replies are what it waits for: the product's twenty at once keep one process busy computing, and where it, the sandbox
 * and Redis fill all cores two can make no more. The detail says that as well, measured once. Every turn has new processes, each of which has
 * activated some before; one that is only stopped would go on taking what Redis hands it.
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
  return startQuiet('test/bench/few-at-once.js', [], {
    ...env,
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
  })
}

async function startProduct(world: World): Promise<Pick<RunningProcess, 'stop'>> {
  const { child } = await world.startWorkers()
  return { stop: () => endProcess(child, 'SIGTERM') }
}

/** When STS has answered them all. */
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
