import { afterAll, expect, test } from 'vitest'
import { startRedis } from '../../../bootstrap/redis.mjs'
import { preflight } from '../../../src/redis/check-redis.ts'
import { connect } from '../../../src/redis/connections.ts'
import { redisFixture } from '../../fixtures/redis-record.ts'

const server = await startRedis()
const fixture = redisFixture('preflight', server.url)
const redis = await fixture.open('request')

afterAll(async () => {
  fixture.close()
  // A normal stop would first rewrite the append-only file, which was switched off and on.
  await server.kill9()
  await server.stop()
})

/** Changes a setting while `check` runs. */
async function having<T>(name: string, value: string, check: () => Promise<T>): Promise<T> {
  const [, before] = (await redis.config('GET', name)) as string[]
  await redis.call('CONFIG', 'SET', name, value)
  try {
    return await check()
  } finally {
    await redis.call('CONFIG', 'SET', name, before ?? '')
  }
}

const check = () => preflight(redis)

test('a Redis that keeps what it acknowledged passes', async () => {
  expect(await having('maxmemory', '100mb', check)).toEqual({ refusals: [], warnings: [] })
  expect((await check()).warnings).toEqual([expect.stringContaining('maxmemory')])
})

test('a Redis that would forget or throw away is refused', async () => {
  expect((await having('appendonly', 'no', check)).refusals).toEqual([expect.stringContaining('appendonly yes')])
  const evicting = await having('maxmemory-policy', 'allkeys-lru', check)
  expect(evicting.refusals).toEqual([expect.stringContaining('noeviction')])
  const sloppy = await having('appendfsync', 'everysec', check)
  expect(sloppy).toMatchObject({ refusals: [], warnings: [expect.stringContaining('everysec'), expect.anything()] })
})

test('a replica is refused', async () => {
  await redis.replicaof('127.0.0.1', 1)
  const { refusals } = await check()
  await redis.replicaof('NO', 'ONE')
  expect(refusals).toEqual([expect.stringContaining('primary')])
})

test('a Redis that forbids CONFIG is asked about durability, not refused', async () => {
  await redis.call('ACL', 'SETUSER', 'default', '-config')
  const found = await check()
  const managed = await preflight(redis, { durability: 'managed' })
  await redis.call('ACL', 'SETUSER', 'default', '+config')
  expect(found).toMatchObject({
    refusals: [],
    warnings: [expect.stringContaining('REDIS_DURABILITY'), expect.anything()],
  })
  expect(managed).toMatchObject({ refusals: [], warnings: [expect.stringContaining('maxmemory')] })
})

test('a Redis that is not there is a refusal with the next step, not a crash', async () => {
  const nowhere = connect('/nonexistent/redis.sock', 'request', fixture.log)
  const { refusals } = await preflight(nowhere, { answerWithinMs: 50 })
  nowhere.disconnect()
  expect(refusals).toEqual([expect.stringContaining('REDIS_URL')])
})
