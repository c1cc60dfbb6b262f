import { startPrivateRedis } from '../../sandbox/project.ts'
import { startWorld } from '../fixtures/world.ts'
import type { Bench } from './bench.ts'
import { type Clicks, openClicks } from './tools/clicks.ts'
import { startCountingProxy, type Trip } from './tools/counting-proxy.ts'
import { countTrips, isIdle, nameOf } from './tools/idle.ts'
import { type Life, ONE_APPROVER, openLife } from './tools/life.ts'
import { closing } from './tools/processes.ts'
import { median } from './tools/statistics.ts'

const LIVES = 5
const MOST_OF_A_CLICK = 4
const MOST_OF_A_LIFE = 90

/**
 * Round trips between Latchkey's processes and Redis, counted by a proxy in front of each process (`counting-proxy.ts`) without those of idle processes (`idle.ts`).
 * A round trip is a burst of commands that a client sends on one connection without waiting, and its answers.
 * Of a click: what the web process sends from an approver's click in Teams until the answer.
 * Of a life: web and workers together, from a request with one approver through approval, activation, one vend, one S3 write, "done" and the read-back. The work of each step ends before the next step.
 * The median of five, because an idle trip within a burst may change a count by one.
 */
export const roundTrips: Bench = {
  name: 'round-trips',
  run: (say) =>
    closing(async (closeLater) => {
      const redis = await startPrivateRedis()
      closeLater(() => redis.stop())
      const [toWeb, toWorkers] = [await startCountingProxy(redis.socket), await startCountingProxy(redis.socket)]
      closeLater(() => Promise.all([toWeb.stop(), toWorkers.stop()]))
      const world = await startWorld({ redisUrl: toWeb.url, rules: ONE_APPROVER })
      closeLater(() => world.stop())
      await world.startWorkers({ REDIS_URL: toWorkers.url })
      const life = openLife(world, redis.socket)
      closeLater(() => life.close())
      const clicks = await openClicks(world, redis.socket)
      closeLater(() => clicks.close())
      const proxies = [toWeb, toWorkers]
      const settled = () => Promise.all(proxies.map((proxy) => proxy.untilQuiet((trip) => !isIdle(trip))))
      const trips = () => proxies.map((proxy) => proxy.trips())

      const counted: { readonly click: number; readonly life: number }[] = []
      for (let number = 1; number <= LIVES; number += 1) {
        await settled()
        const before = trips().map((list) => list.length)
        const click = await live({ life, clicks, settled, tripsOfWeb: toWeb.trips })
        await settled()
        const during = trips().map((list, position) => list.slice(before[position]))
        if (number === LIVES) for (const line of listOf(during)) say(line)
        counted.push({ click: click.length, life: during.reduce((sum, list) => sum + countTrips(list), 0) })
        say(
          `life ${number} of ${LIVES}: ${click.length} for the click (${click.map(nameOf).join(', ')}), ${counted.at(-1)?.life} in all`,
        )
      }
      const click = median(counted.map((one) => one.click))
      const whole = median(counted.map((one) => one.life))
      return {
        value: click,
        goal: `≤ ${MOST_OF_A_CLICK} / ≤ ${MOST_OF_A_LIFE}`,
        meets: click <= MOST_OF_A_CLICK && whole <= MOST_OF_A_LIFE,
        detail: `${click} of a click, ${whole} of a whole request’s life`,
      }
    }),
}

/** The trips of web and of workers by their first command, with their counts. */
function listOf(during: readonly (readonly Trip[])[]): readonly string[] {
  return during.map((list, position) => {
    const counts = new Map<string, number>()
    for (const name of list.filter((trip) => !isIdle(trip)).map((trip) => nameOf(trip.slice(0, 1))))
      counts.set(name, (counts.get(name) ?? 0) + 1)
    const parts = [...counts].map(([name, count]) => `${count} × ${name}`)
    return `${position === 0 ? 'web' : 'workers'}: ${parts.join(', ')}`
  })
}

interface Means {
  readonly life: Life
  readonly clicks: Clicks
  readonly settled: () => Promise<unknown>
  readonly tripsOfWeb: () => readonly Trip[]
}

/** Plays one life and returns the trips of the click. */
async function live({ life, clicks, settled, tripsOfWeb }: Means): Promise<readonly Trip[]> {
  const [pending] = await clicks.prepare(1)
  if (pending === undefined) throw new Error('Nothing was asked.')
  await settled()
  const before = tripsOfWeb().length
  await clicks.approve(pending)
  const click = tripsOfWeb().slice(before)
  const grantId = await life.grantOf(pending.requestId)
  await life.untilStatus(grantId, 'active')
  await settled()
  await life.vend('rita', grantId)
  await life.write(grantId, 1)
  await settled()
  await life.done('rita', grantId)
  return click
}
