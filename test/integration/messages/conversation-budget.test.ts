import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Budget } from '../../../src/messages/message-sender.ts'
import { redisBudget } from '../../../src/redis/budget.ts'
import type { Connection } from '../../../src/redis/connections.ts'
import { redisRecord } from '../../../src/redis/redis-record-store.ts'
import { redisFixture } from '../../fixtures/redis-record.ts'

const fixture = redisFixture('budget')
let redis: Connection
let budget: Budget

beforeAll(async () => {
  redis = await fixture.open('request')
  budget = redisBudget(redis, { prefix: fixture.prefix })
})

afterAll(() => fixture.close())

/** Waits as often as the budget says. Returns what it then gave, and Redis's time at that moment. */
async function takeWhenAllowed(conversation: string) {
  for (;;) {
    const taken = await budget.take(conversation)
    if ('giveBack' in taken) return { at: await redisRecord(redis, { prefix: fixture.prefix }).now(), ...taken }
    await delay(taken.waitMs)
  }
}

test('one operation at a time in each conversation, whichever of its threads it is in', async () => {
  const first = await takeWhenAllowed('19:a@thread.tacv2;messageid=1')
  expect(await budget.take('19:a@thread.tacv2;messageid=2')).toEqual({ waitMs: expect.any(Number) })
  expect(await budget.take('19:b@thread.tacv2')).toHaveProperty('giveBack')
  await first.giveBack()
  expect(await budget.take('19:a@thread.tacv2;messageid=2')).toHaveProperty('giveBack')
})

test('a turn that is given back late takes nobody else’s', async () => {
  const first = await takeWhenAllowed('late')
  await first.giveBack()
  await takeWhenAllowed('late')
  await first.giveBack()
  expect(await budget.take('late')).toHaveProperty('waitMs')
})

test('no window of Teams’ limits ever sees more than it takes', async () => {
  const times: number[] = []
  for (let n = 0; n < 12; n += 1) {
    const { at, giveBack } = await takeWhenAllowed('busy')
    times.push(at)
    await giveBack()
  }
  const within = (from: number, ms: number) => times.filter((at) => at >= from && at < from + ms).length
  for (const from of times) {
    expect(within(from, 1_000)).toBeLessThanOrEqual(7)
    expect(within(from, 2_000)).toBeLessThanOrEqual(8)
  }
  expect(times).toHaveLength(12)
})

test('what somebody else wrote where a budget lies keeps nobody out', async () => {
  const { giveBack } = await takeWhenAllowed('forged')
  await giveBack()
  const [key = '', ...others] = await redis.keys(`${fixture.prefix}:budget:*`)
  for (const name of [key, ...others]) {
    await redis.hset(name, { holder: 'x', until: '99999999999999', 'free-3': '99999999999999' })
  }
  expect(await budget.take('forged')).toHaveProperty('giveBack')
  for (const name of [key, ...others]) await redis.set(name, 'text')
  expect(await budget.take('forged')).toHaveProperty('giveBack')
})
