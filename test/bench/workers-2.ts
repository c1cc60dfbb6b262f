import { Redis } from 'ioredis'
import { bullQueue } from '../../src/redis/queue.ts'
import { redisRecord } from '../../src/redis/record.ts'
import { endProcess, type LatchkeyProcess, startWorld, type World } from '../sandbox/world.ts'
import { atLeast, type Bench } from './bench.ts'
import { untilIdle } from './clicks.ts'
import { seedApproved } from './due-grants.ts'
import { quietLog, rolePrincipals } from './ground.ts'
import { until } from './life.ts'
import { closing } from './processes.ts'
import { compare, inWords } from './rounds.ts'
import { formatNumber } from './table.ts'

const ACTIVATIONS = 120
const REPLY_HELD_MS = 50
const LONG_HELD_MS = 500
/** Until then everything is written. */
const AHEAD_MS = 2_000
const UNIT = 'activations/s'

/**
 * Activations per second of two worker processes against one, each reply of AWS held for 50 ms: what they share (record, queue, leases) must not
 * make them wait for each other. The jobs are all due at one moment; from then until STS has answered the last one. The second process is started
 * and ended: one that is only stopped would go on taking what Redis hands it. Of a machine whose cores one process and the sandbox fill already,
 * two can make no more: the detail also says it for replies held so long that waiting, not computing, is what a process does.
 */
export const workers2: Bench = {
  name: 'workers-2',
  run: (say) =>
    closing(async (closeLater) => {
      const world = await startWorld()
      closeLater(() => world.stop())
      await world.startWorkers()
      let second: LatchkeyProcess | undefined
      const cli = new Redis(world.redis.url, { maxRetriesPerRequest: null })
      closeLater(() => cli.disconnect())
      const queue = bullQueue(cli, { log: quietLog })
      closeLater(() => queue.close())
      const means = { record: redisRecord(cli), queue }
      await until('the role is adopted', async () => (await cli.keys('{latchkey}:deny:*')).length > 0)

      async function run(count: number): Promise<void> {
        await untilIdle(world.redis.url)
        if (count === 2) second ??= await world.startWorkers()
        if (count === 2 || second === undefined) return
        await endProcess(second.child, 'SIGTERM')
        second = undefined
      }

      async function rate(count: number, heldMs: number): Promise<number> {
        await run(count)
        world.aws.faults.delay({ service: 'sts', action: 'AssumeRole' }, heldMs, Number.POSITIVE_INFINITY)
        const dueAtMs = Date.now() + AHEAD_MS
        await seedApproved(means, rolePrincipals(world), ACTIVATIONS, dueAtMs)
        const seconds = ((await untilAssumed(world)) - dueAtMs) / 1_000
        world.aws.faults.clear()
        return ACTIVATIONS / seconds
      }
      const twoAgainstOne = (heldMs: number) =>
        compare({ latchkey: () => rate(2, heldMs), baseline: () => rate(1, heldMs) }, UNIT, say)

      const compared = await twoAgainstOne(REPLY_HELD_MS)
      const long = await twoAgainstOne(LONG_HELD_MS)
      const longer = `replies held ${LONG_HELD_MS} ms: ${inWords(long, UNIT)}, ${formatNumber(long.ratio)}`
      return atLeast(1.9, compared.ratio, `${inWords(compared, UNIT)}, two processes against one; ${longer}`)
    }),
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
