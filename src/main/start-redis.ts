import type { Logger } from 'pino'
import { ConfigFaults } from '../config/faults.ts'
import type { Config } from '../config.ts'
import { preflight } from '../redis/check-redis.ts'
import { type Connection, connect, untilReady } from '../redis/connections.ts'

const WARN_EVERY_MS = 5_000

/**
 * Waits until Redis answers, so that nobody has to restart Latchkey after an outage of Redis.
 * @throws ConfigFaults for a Redis that answers but does not qualify to hold the record
 */
export async function startRedis({ redisUrl, redisDurability }: Config, log: Logger): Promise<Connection> {
  const redis = connect(redisUrl, 'request', log)
  while (!(await untilReady(redis, WARN_EVERY_MS))) {
    log.warn('waiting for Redis; check REDIS_URL, and that Redis runs')
  }
  const { refusals, warnings } = await preflight(redis, { durability: redisDurability })
  for (const warning of warnings) log.warn(warning)
  if (refusals.length === 0) return redis
  redis.disconnect()
  throw new ConfigFaults(refusals.map((problem) => ({ name: 'REDIS_URL', problem })))
}
