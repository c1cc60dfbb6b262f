import { z } from 'zod'
import type { Connection } from './connections.ts'
import { runScript, script } from './scripts.ts'

/** A script with a key, so that in a cluster the node that holds the record answers. */
const TIME = script("return redis.call('TIME')")

const secondsAndMicroseconds = z.tuple([z.coerce.number(), z.coerce.number()])

/** Redis's clock, by which due times are judged. @returns ms since 1970 */
export async function redisTime(redis: Connection, prefix: string): Promise<number> {
  const [seconds, microseconds] = secondsAndMicroseconds.parse(await runScript(redis, TIME, [`${prefix}:epoch`], []))
  return seconds * 1_000 + Math.floor(microseconds / 1_000)
}
