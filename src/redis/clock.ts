import { z } from 'zod'
import type { Connection } from './connections.ts'
import { runScript, script } from './scripts.ts'

/** A script with a key, so that a cluster answers from the node that holds the record. */
const TIME = script("return redis.call('TIME')")

const secondsAndMicroseconds = z.tuple([z.coerce.number(), z.coerce.number()])

/** The clock by which everything is due: Redis's, ms since 1970. */
export async function redisTime(redis: Connection, prefix: string): Promise<number> {
  const [seconds, microseconds] = secondsAndMicroseconds.parse(await runScript(redis, TIME, [`${prefix}:epoch`], []))
  return seconds * 1_000 + Math.floor(microseconds / 1_000)
}
