import { startPrivateRedis } from '../sandbox/project.ts'
import { startWorld } from '../sandbox/world.ts'
import type { Bench } from './bench.ts'
import { startCountingProxy } from './counting-proxy.ts'
import { countTrips, isIdle } from './idle.ts'
import { type Life, openLife } from './life.ts'
import { closing } from './processes.ts'

const LIVES = 5
const MOST_OF_A_CLICK = 4
const MOST_OF_A_LIFE = 40

/**
 * Round trips between Latchkey's processes and Redis, counted by a proxy in front of each: a burst of commands that a client sends on one
 * connection without waiting, and its answers (`counting-proxy.ts`); what idle processes do is left out (`idle.ts`). Of a click: all that the web
 * process does from an approver's yes until the answer. Of a life: web and workers together, from the ask through approval, activation, one
 * vend, one S3 write, "done" and the read-back. The fewest of five: an idle look that could not be told from work can only add.
 */
export const roundTrips: Bench = {
  name: 'round-trips',
  run: (say) =>
    closing(async (closeLater) => {
      const redis = await startPrivateRedis()
      closeLater(() => redis.stop())
      const [toWeb, toWorkers] = [await startCountingProxy(redis.socket), await startCountingProxy(redis.socket)]
      closeLater(() => Promise.all([toWeb.stop(), toWorkers.stop()]))
      const world = await startWorld({ redisUrl: toWeb.url })
      closeLater(() => world.stop())
      await world.startWorkers({ REDIS_URL: toWorkers.url })
      const life = openLife(world, redis.socket)
      closeLater(() => life.close())
      const proxies = [toWeb, toWorkers]
      const settled = () => Promise.all(proxies.map((proxy) => proxy.untilQuiet((trip) => !isIdle(trip))))
      const trips = () => proxies.map((proxy) => proxy.trips())

      const counted: { readonly click: number; readonly life: number }[] = []
      for (let number = 1; number <= LIVES; number += 1) {
        await settled()
        const before = trips().map((list) => list.length)
        const click = await live(life, () => toWeb.trips().length)
        await settled()
        const during = trips().map((list, position) => list.slice(before[position]))
        counted.push({ click, life: during.reduce((sum, list) => sum + countTrips(list), 0) })
        say(`life ${number} of ${LIVES}: ${click} for the click, ${counted.at(-1)?.life} in all`)
      }
      const click = Math.min(...counted.map((one) => one.click))
      const whole = Math.min(...counted.map((one) => one.life))
      return {
        value: click,
        goal: `≤ ${MOST_OF_A_CLICK} / ≤ ${MOST_OF_A_LIFE}`,
        meets: click <= MOST_OF_A_CLICK && whole <= MOST_OF_A_LIFE,
        detail: `${click} of a click, ${whole} of a whole request’s life`,
      }
    }),
}

/** One life; the answer is how many round trips the click took. */
async function live(life: Life, tripsOfWeb: () => number): Promise<number> {
  const requestId = await life.ask('rita')
  const before = tripsOfWeb()
  const grantId = await life.approve('max', requestId)
  const click = tripsOfWeb() - before
  await life.untilStatus(grantId, 'active')
  await life.vend('rita', grantId)
  await life.write(grantId, 1)
  await life.done('rita', grantId)
  return click
}
