import { afterAll, expect, test } from 'vitest'
import type { Job } from '../../../src/jobs/catalog.ts'
import { bullQueue } from '../../../src/redis/job-queue.ts'
import { startWorkers } from '../../../src/redis/queue-workers.ts'
import { redisRecord } from '../../../src/redis/redis-record-store.ts'
import { newId, redisFixture, until } from '../../fixtures/redis-record.ts'

const fixture = redisFixture('crowd')
const { log, prefix } = fixture
const record = redisRecord(await fixture.open('request'), { prefix })
const shared = await fixture.open('worker')
const queue = bullQueue(shared, { prefix, log })
afterAll(async () => {
  await queue.close()
  fixture.close()
})

const AT_ONCE = 5

test('an early end named after 2,000 ends on time comes before all of them that are not under way yet', async () => {
  const at = (await record.now()) + 100
  const crowd = Array.from({ length: 2_000 }, (): Job => ({ act: 'revoke', recordId: newId(), occasion: '1', at }))
  await queue.add(crowd)
  let release: () => void = () => undefined
  const named = new Promise<void>((resolve) => {
    release = resolve
  })
  const handled: string[] = []
  const handle = async ({ recordId }: { readonly recordId: string }) => {
    handled.push(recordId)
    await named
    return {}
  }
  const handlers = { revoke: handle, activate: handle, cards: handle }
  const workers = startWorkers(shared, { prefix, log, concurrency: AT_ONCE, handlers })
  await until(() => handled.length === AT_ONCE)
  const early = newId()
  await queue.add([{ act: 'revoke', recordId: early, occasion: '1' }])
  release()
  await until(() => handled.length === 1 + crowd.length)
  await workers.close()
  // The next job may have been fetched a moment before the first one finished.
  expect(handled.indexOf(early)).toBeLessThan(2 * AT_ONCE)
  expect(new Set(handled).size).toBe(1 + crowd.length)
}, 60_000)
