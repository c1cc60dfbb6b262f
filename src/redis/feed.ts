import type { Feed } from '../oversight/feed.ts'
import type { Connection } from './connections.ts'
import { keysUnder, PREFIX } from './keys.ts'
import { answered } from './redis-errors.ts'

const ARRIVAL_LIFETIME_SECONDS = 3_600

/** @param redis A connection for requests. */
export function redisFeed(redis: Connection, { prefix = PREFIX }: { readonly prefix?: string } = {}): Feed {
  const keys = keysUnder(prefix)
  return {
    async prove(bucket, at) {
      await answered(redis.hset(keys.proven, bucket, at))
    },
    async proven() {
      return new Map(Object.entries(await answered(redis.hgetall(keys.proven))))
    },
    async noteArrival(nonce) {
      await answered(redis.set(keys.arrival(nonce), '1', 'EX', ARRIVAL_LIFETIME_SECONDS))
    },
    hasArrived: async (nonce) => (await answered(redis.exists(keys.arrival(nonce)))) === 1,
  }
}
