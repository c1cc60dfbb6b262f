import { Redis } from 'ioredis'
import { bullQueue } from '../../src/redis/queue.ts'
import { redisRecord } from '../../src/redis/record.ts'
import { endProcess, freePort, startWorld, type World } from '../sandbox/world.ts'
import { atLeast, type Bench } from './bench.ts'
import { untilIdle } from './clicks.ts'
import { seedApproved } from './due-grants.ts'
import { quietLog, rolePrincipals } from './ground.ts'
import { until } from './life.ts'
import { closing, type RunningProcess, startQuiet } from './processes.ts'
import { type Compared, compare, inWords } from './rounds.ts'
import { formatNumber } from './table.ts'

const ACTIVATIONS = 120
const REPLY_HELD_MS = 50
/** In each process: so many replies of 50 ms are waited for in a fraction of what this machine's cores could compute meanwhile. */
const FEW_AT_ONCE = 2
/** Until then everything is written. */
const AHEAD_MS = 2_000
const UNIT = 'activations/s'

type Start = () => Promise<Pick<RunningProcess, 'stop'>>

/**
 * Activations per second of two worker processes against one, each reply of AWS held for 50 ms: what they share (record, queue, leases) must not
 * make them wait for each other. The jobs are all due at one moment; from then until STS has answered the last one. Each process does two jobs at
 * once, so that the replies are what it waits for: the product's twenty at once keep one process busy computing, and where it, the sandbox
 * and Redis fill all cores two can make no more. The detail says that as well.
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

      async function rate(running: number): Promise<number> {
        world.aws.faults.delay({ service: 'sts', action: 'AssumeRole' }, REPLY_HELD_MS, Number.POSITIVE_INFINITY)
        const dueAtMs = Date.now() + AHEAD_MS
        await seedApproved(means, rolePrincipals(world), ACTIVATIONS, dueAtMs)
        const seconds = ((await untilAssumed(world)) - dueAtMs) / 1_000
        world.aws.faults.clear()
        await untilIdle(world.redis.url)
        say(`${running} running: ${formatNumber(ACTIVATIONS / seconds)} ${UNIT}`)
        return ACTIVATIONS / seconds
      }

      const few = await twoAgainstOne(() => startFew(world), rate, say)
      const many = await twoAgainstOne(() => startProduct(world), rate, say)
      const product = `as the product runs, 20 at once: ${inWords(many, UNIT)}, ${formatNumber(many.ratio)}`
      return atLeast(
        1.9,
        few.ratio,
        `${inWords(few, UNIT)}, two processes against one, ${FEW_AT_ONCE} at once in each; ${product}`,
      )
    }),
}

/** One process runs all the time. The second is started and ended: one that is only stopped would go on taking what Redis hands it. */
function twoAgainstOne(start: Start, rate: (running: number) => Promise<number>, say: (line: string) => void) {
  return closing(async (closeLater): Promise<Compared> => {
    const first = await start()
    closeLater(() => first.stop())
    async function withSecond(): Promise<number> {
      const second = await start()
      try {
        return await rate(2)
      } finally {
        await second.stop()
      }
    }
    return await compare({ latchkey: withSecond, baseline: () => rate(1) }, UNIT, say)
  })
}

async function startFew(world: World): Promise<RunningProcess> {
  const env = { ...world.environment('workers', await freePort()), JOBS_AT_ONCE: String(FEW_AT_ONCE) }
  return startQuiet('test/bench/few-at-once.js', [], env)
}

async function startProduct(world: World): Promise<Pick<RunningProcess, 'stop'>> {
  const { child } = await world.startWorkers()
  return { stop: () => endProcess(child, 'SIGTERM') }
}

/** When STS has answered them all. */
function untilAssumed({ aws }: World): Promise<number> {
  let done = 0
  return new Promise((resolve, reject) => {
    const unsubscribe = aws.journal.subscribe(({ action, outcome }) => {
      if (action !== 'AssumeRole') return
      if (outcome === 'refused') reject(new Error('STS refused.'))
      done += 1
      if (done < ACTIVATIONS) return
      unsubscribe()
      resolve(Date.now())
    })
  })
}
