import { Worker } from 'bullmq'
import { Redis } from 'ioredis'

/** An end as a queue's introduction shows it: a delayed job that does nothing, and one script that moves one record. No lease and no clock. */
const EXPIRE = `
if redis.call('HGET', KEYS[1], 'status') ~= 'active' then return 0 end
redis.call('HSET', KEYS[1], 'status', 'expired')
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('XADD', KEYS[3], '*', 'event', ARGV[1])
return 1`

const { REDIS_URL = '', NAME = '' } = process.env
const connection = new Redis(REDIS_URL, { maxRetriesPerRequest: null })
const sha = String(await connection.script('LOAD', EXPIRE))
const worker = new Worker(
  NAME,
  async ({ data }) => {
    await connection.evalsha(sha, 3, `${NAME}:record:${data.id}`, `${NAME}:due`, `${NAME}:audit`, data.id)
  },
  { connection, concurrency: 20 },
)
await worker.waitUntilReady()
process.send?.('ready')
process.on('SIGTERM', () => process.exit(0))
