import { Redis } from 'ioredis'
import { CLOUDTRAIL_KEY, freePort, startWorld } from '../fixtures/world.ts'
import { atLeast, type Bench } from './bench.ts'
import { load, postRequest } from './tools/load.ts'
import { closing, startQuiet } from './tools/processes.ts'
import { compare, inWords } from './tools/rounds.ts'
import { eventBody, strangerAt } from './tools/s3-events.ts'

const REQUESTS = 8_000
const CONNECTIONS = 50
const UNIT = 'records/s'

/**
 * `POST /api/cloudtrail`, 2.5 KB, 50 connections, up to 202: key, schema, cut, stored durably. Both sides are processes of their own on
 * one Redis. Both streams are emptied before each turn.
 */
export const intakeAccept: Bench = {
  name: 'intake-accept',
  run: (say) =>
    closing(async (closeLater) => {
      const world = await startWorld()
      closeLater(() => world.stop())
      const cli = new Redis(world.redis.url)
      closeLater(() => cli.disconnect())
      const web = await startQuiet('src/main.js', ['web'], world.environment('web', await freePort()))
      closeLater(() => web.stop())
      const baseline = await startQuiet('test/bench/baselines/intake-accept.js', [], {
        PATH: process.env.PATH ?? '',
        REDIS_URL: world.redis.url,
        PORT: String(await freePort()),
      })
      closeLater(() => baseline.stop())
      say(`making ${REQUESTS} bodies`)
      const bodies = Array.from({ length: REQUESTS }, (_, position) => eventBody(strangerAt(position)))
      const bytes = Buffer.byteLength(bodies[0] ?? '')

      async function accept(origin: string): Promise<number> {
        await cli.del('{latchkey}:inbox', 'baseline:inbox')
        const url = `${origin}/api/cloudtrail`
        const requests = bodies.map((body) => postRequest(url, { 'x-latchkey-key': CLOUDTRAIL_KEY }, body))
        return load({ url, connections: CONNECTIONS, requests, wantedStatus: 202 })
      }

      const sides = { latchkey: () => accept(web.url), baseline: () => accept(baseline.url) }
      const compared = await compare(sides, UNIT, say)
      return atLeast(
        0.85,
        compared.ratio,
        `${inWords(compared, UNIT)}; ${bytes} bytes each, ${CONNECTIONS} connections`,
      )
    }),
}
