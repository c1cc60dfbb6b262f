import { afterAll, expect, test } from 'vitest'
import { startRedis } from '../../../bootstrap/redis.mjs'
import { cancelRequest } from '../../../src/access-requests/cancel-request.ts'
import { vendCredentials } from '../../../src/grants/credentials/vend-credentials.ts'
import { openOffice } from '../../fixtures/use-cases.ts'

const redis = await startRedis()
const office = await openOffice('bounds', { redisUrl: redis.url })
afterAll(async () => {
  await office.close()
  await redis.stop()
})

test('a person has five requests pending at once, not six', async () => {
  for (let asks = 1; asks <= 5; asks += 1) await office.ask('rita')
  await expect(office.ask('rita')).rejects.toMatchObject({ code: 'TOO_MANY' })
  expect(await office.events('request.asked')).toHaveLength(5)
})

test('a person asks twenty times an hour, not twenty-one times', async () => {
  for (let asks = 1; asks <= 20; asks += 1)
    await cancelRequest(office.deps, office.as('finn'), (await office.ask('finn')).id)
  await expect(office.ask('finn')).rejects.toMatchObject({ code: 'TOO_MANY' })
})

test('a store that is nearly full takes no new asks and vends nothing, and leaves its room to reviews and ends', async () => {
  const grantId = await office.granted('noor')
  const direct = await office.ground.open('request')
  const used = Number(/used_memory:(\d+)/.exec(await direct.info('memory'))?.[1])
  const { id } = await office.ask('nils')
  await direct.call('CONFIG', 'SET', 'maxmemory', String(Math.round(used / 0.8)))
  const other = await openOffice('bounds', { redisUrl: redis.url })
  await expect(other.ask('nils')).rejects.toMatchObject({ code: 'UNAVAILABLE', facts: { what: 'the record' } })
  const credentialsCache = vendCredentials(
    { ...office.deps, record: { ...office.record, hasRoom: other.record.hasRoom } },
    office.as('noor'),
    grantId,
  )
  await expect(credentialsCache).rejects.toMatchObject({ code: 'UNAVAILABLE', facts: { what: 'the record' } })
  expect((await cancelRequest(office.deps, office.as('nils'), id)).status).toBe('cancelled')
  await other.close()
})
