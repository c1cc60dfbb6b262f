import { Redis } from 'ioredis'
import { startWorld, type World } from '../sandbox/world.ts'
import { atLeast, type Bench } from './bench.ts'
import { type Clicks, openClicks } from './clicks.ts'
import { until } from './life.ts'
import { closing } from './processes.ts'
import { compare, inWords } from './rounds.ts'

const ACTIVATIONS = 120
const REPLY_HELD_MS = 50
const UNIT = 'activations/s'

/**
 * Activations per second of two worker processes against one, each reply of AWS held for 50 ms: what they share (record, queue, leases) must not
 * make them wait for each other. They are stopped while the approvals pile up, and go on together; from then until STS has answered the last one.
 */
export const workers2: Bench = {
  name: 'workers-2',
  run: (say) =>
    closing(async (closeLater) => {
      const world = await startWorld()
      closeLater(() => world.stop())
      const workers = [await world.startWorkers(), await world.startWorkers()]
      const clicks = await openClicks(world)
      closeLater(() => clicks.close())
      const cli = new Redis(world.redis.url)
      closeLater(() => cli.disconnect())
      const signal = (count: number, name: NodeJS.Signals) => {
        for (const { child } of workers.slice(0, count)) child.kill(name)
      }

      async function rate(count: number): Promise<number> {
        await untilActivated(cli)
        signal(workers.length, 'SIGSTOP')
        await approveMany(clicks)
        world.aws.faults.delay({ service: 'sts', action: 'AssumeRole' }, REPLY_HELD_MS, Number.POSITIVE_INFINITY)
        const lasted = untilAssumed(world)
        signal(count, 'SIGCONT')
        const seconds = (await lasted) / 1_000
        world.aws.faults.clear()
        signal(workers.length, 'SIGCONT')
        return ACTIVATIONS / seconds
      }

      const compared = await compare({ latchkey: () => rate(2), baseline: () => rate(1) }, UNIT, say)
      return atLeast(1.9, compared.ratio, `${inWords(compared, UNIT)}, two processes against one`)
    }),
}

/** Cards may still be under way: Teams takes only so many at a time. */
async function untilActivated(cli: Redis): Promise<void> {
  const lists = ['wait', 'active'].map((list) => `{latchkey}:activate:${list}`)
  await until('every grant is active', async () => {
    const waiting = await Promise.all([cli.xlen('{latchkey}:outbox'), ...lists.map((list) => cli.llen(list))])
    return waiting.every((length) => length === 0)
  })
}

async function approveMany(clicks: Clicks): Promise<void> {
  for (const pending of await clicks.prepare(ACTIVATIONS)) {
    const { kind } = await clicks.approve(pending)
    if (kind !== 'card') throw new Error(`A yes was answered with: ${kind}`)
  }
}

/** Milliseconds from now until STS has answered them all. */
function untilAssumed({ aws }: World): Promise<number> {
  const startedAt = performance.now()
  let done = 0
  return new Promise((resolve, reject) => {
    const unsubscribe = aws.journal.subscribe(({ action, outcome }) => {
      if (action !== 'AssumeRole') return
      if (outcome === 'refused') reject(new Error('STS refused.'))
      done += 1
      if (done < ACTIVATIONS) return
      unsubscribe()
      resolve(performance.now() - startedAt)
    })
  })
}
