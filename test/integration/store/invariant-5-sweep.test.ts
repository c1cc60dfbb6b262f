import { afterAll, expect, test } from 'vitest'
import type { Job } from '../../../src/jobs/catalog.ts'
import { redisRecord } from '../../../src/redis/redis-record-store.ts'
import { sweepDue } from '../../../workers/sweep-due.ts'
import { eventOf, redisFixture, until, write } from '../../fixtures/redis-record.ts'

const fixture = redisFixture('sweep-due')
const record = redisRecord(await fixture.open('request'), { prefix: fixture.prefix })
afterAll(() => fixture.close())

test('the sweeper names what is overdue, and nothing whose time has not come', async () => {
  const now = await record.now()
  const due = [
    { kind: 'grants', id: 'g-over', at: now - 60_000 },
    { kind: 'grants', id: 'g-later', at: now + 3_600_000 },
  ] as const
  const records = due.map(({ id }) => write(id, 0, { status: 'activating' }))
  await record.commit({ records, due, audit: [eventOf()] })
  const named: Job[] = []
  const queue = { add: async (jobs: readonly Job[]) => void named.push(...jobs) }
  const nothing = async () => {}
  const { log } = fixture
  const sweeper = sweepDue({
    record,
    queue,
    log,
    revokeNow: nothing,
    lapse: nothing,
    keepRole: nothing,
    keepTarget: nothing,
    syncMessages: nothing,
    deliverSecurityNotice: nothing,
  })
  await until(() => named.length > 0)
  await sweeper.stop()
  expect(named.map(({ act, recordId }) => [act, recordId])).toEqual([['activate', 'g-over']])
})
