import { once } from 'node:events'
import { PEOPLE } from '../../sandbox/entra/fixture.ts'
import { freePort, startWorld, type World } from '../fixtures/world.ts'
import { atMost, type Bench } from './bench.ts'
import { openClicks, untilIdle } from './tools/clicks.ts'
import { closing, startQuiet } from './tools/processes.ts'
import { compare, inWords } from './tools/rounds.ts'
import { percentile } from './tools/statistics.ts'

const APPROVALS = 20
const UNIT = 'ms'

/**
 * From the signed click until the sandbox's STS has the request, one at a time, p95. Covered: token check, directory at the click, approval with its
 * MAC, outbox, queue, directory again, end on record. The baseline: POST, queue, AssumeRole.
 */
export const approveToAws: Bench = {
  name: 'approve-to-aws',
  run: (say) =>
    closing(async (closeLater) => {
      const world = await startWorld()
      closeLater(() => world.stop())
      await world.startWorkers()
      const clicks = await openClicks(world)
      closeLater(() => clicks.close())
      const env = { ...world.environment('workers', await freePort()), ...baselineFacts(world) }
      const web = await startQuiet('test/bench/baselines/approve-to-aws.js', ['web'], env)
      closeLater(() => web.stop())
      const worker = await startQuiet('test/bench/baselines/approve-to-aws.js', ['worker'], env)
      closeLater(() => worker.stop())

      async function latchkey(): Promise<number> {
        const times: number[] = []
        for (const pending of await clicks.prepare(APPROVALS)) {
          await untilIdle(world.redis.url)
          times.push(await untilAssumed(world, () => clicks.approve(pending)))
        }
        await untilIdle(world.redis.url)
        return percentile(times, 95)
      }

      async function baseline(): Promise<number> {
        const times: number[] = []
        for (let number = 1; number <= APPROVALS; number += 1) {
          const url = `${web.url}/approvals/g-${number}`
          times.push(await untilAssumed(world, () => fetch(url, { method: 'POST' })))
        }
        return percentile(times, 95)
      }

      const compared = await compare({ latchkey, baseline }, UNIT, say)
      return atMost(2, compared.ratio, `p95 ${inWords(compared, UNIT)}, one at a time`)
    }),
}

function baselineFacts({ seeded }: World) {
  return {
    ROLE_ARN: seeded.roles[0]?.arn ?? '',
    REQUESTER: PEOPLE.rita,
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
  }
}

/** Resolves when STS has the next AssumeRole and `begin` has ended. */
async function untilAssumed({ aws }: World, begin: () => Promise<unknown>): Promise<number> {
  const seen = new EventTarget()
  const unsubscribe = aws.journal.subscribe(({ action, outcome }) => {
    if (action === 'AssumeRole') seen.dispatchEvent(new Event(outcome))
  })
  const refused = once(seen, 'refused').then(() => Promise.reject(new Error('STS refused.')))
  const startedAt = performance.now()
  const begun = begin()
  await Promise.race([once(seen, 'done'), refused])
  const milliseconds = performance.now() - startedAt
  unsubscribe()
  await begun
  return milliseconds
}
