import { afterAll, expect, test } from 'vitest'
import { startRedis } from '../../../bootstrap/redis.mjs'
import { cancelRequest } from '../../../src/access-requests/cancel-request.ts'
import { vendCredentials } from '../../../src/grants/credentials/vend-credentials.ts'
import { openUseCases } from '../../fixtures/use-cases.ts'

const redis = await startRedis()
const useCases = await openUseCases('bounds', { redisUrl: redis.url })
afterAll(async () => {
  await useCases.close()
  await redis.stop()
})

test('a person has five requests pending at once, not six', async () => {
  for (let asks = 1; asks <= 5; asks += 1) await useCases.ask('rita')
  await expect(useCases.ask('rita')).rejects.toMatchObject({ code: 'TOO_MANY' })
  expect(await useCases.events('request.asked')).toHaveLength(5)
})

test('a person asks twenty times an hour, not twenty-one times', async () => {
  for (let asks = 1; asks <= 20; asks += 1)
    await cancelRequest(useCases.deps, useCases.as('finn'), (await useCases.ask('finn')).id)
  await expect(useCases.ask('finn')).rejects.toMatchObject({ code: 'TOO_MANY' })
})

test('a store that is nearly full takes no new asks and vends nothing, and leaves its room to reviews and ends', async () => {
  const grantId = await useCases.granted('noor')
  const direct = await useCases.fixture.open('request')
  const used = Number(/used_memory:(\d+)/.exec(await direct.info('memory'))?.[1])
  const { id } = await useCases.ask('nils')
  await direct.call('CONFIG', 'SET', 'maxmemory', String(Math.round(used / 0.8)))
  const other = await openUseCases('bounds', { redisUrl: redis.url })
  await expect(other.ask('nils')).rejects.toMatchObject({ code: 'UNAVAILABLE', facts: { what: 'the record' } })
  const credentialsCache = vendCredentials(
    { ...useCases.deps, record: { ...useCases.record, hasRoom: other.record.hasRoom } },
    useCases.as('noor'),
    grantId,
  )
  await expect(credentialsCache).rejects.toMatchObject({ code: 'UNAVAILABLE', facts: { what: 'the record' } })
  expect((await cancelRequest(useCases.deps, useCases.as('nils'), id)).status).toBe('cancelled')
  await other.close()
})
