import { afterAll, expect, test } from 'vitest'
import type { Job } from '../../../src/jobs/catalog.ts'
import { redisOutbox } from '../../../src/redis/outbox.ts'
import { redisRecord } from '../../../src/redis/redis-record-store.ts'
import { relayOutbox } from '../../../workers/relay-outbox.ts'
import { eventOf, newId, redisFixture, until } from '../../fixtures/redis-record.ts'

const fixture = redisFixture('relay')
const { prefix, log } = fixture
const redis = await fixture.open('request')
afterAll(() => fixture.close())

test('a job that the queue did not take stays in the outbox and is handed over again', async () => {
  const job = { act: 'revoke', recordId: newId(), occasion: '1' } as const
  await redisRecord(redis, { prefix }).commit({ records: [], audit: [eventOf()], jobs: [job] })
  const outbox = redisOutbox(await fixture.open('worker'), { prefix, log, claimAfterMs: 50 })
  const taken: Job[] = []
  let left: number | undefined
  const queue = {
    async add(jobs: readonly Job[]) {
      if (jobs.length === 0) return
      taken.push(...jobs)
      if (taken.length > 1) return
      left = await redis.xlen(`${prefix}:outbox`)
      throw new Error('the queue is away')
    },
  }
  const relay = relayOutbox({ outbox, queue, log })
  await until(() => left !== undefined)
  expect(left).toBe(1)
  await until(() => taken.length === 2)
  await relay.stop()
  expect(taken).toEqual([job, job])
  expect(await redis.xlen(`${prefix}:outbox`)).toBe(0)
})
