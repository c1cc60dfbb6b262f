import { randomUUID } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type PrivateRedis, startRedis } from '../../../bootstrap/redis.mjs'
import { cloudTrailRoute } from '../../../src/http/cloudtrail-route.ts'
import { httpMetrics } from '../../../src/http/metrics.ts'
import { httpServer } from '../../../src/http/server.ts'
import { redisInbox } from '../../../src/redis/cloudtrail-inbox.ts'
import { redisFeed } from '../../../src/redis/feed.ts'
import { type FeedFixture, KEYS, openFeedFixture } from '../../fixtures/cloudtrail.ts'
import { until } from '../../fixtures/redis-record.ts'
import { someEvent } from '../../unit/oversight/a-record.ts'

/** The feed's route: which senders it accepts, and what 202 means. */

let server: PrivateRedis
let feed: FeedFixture
let address: string

beforeAll(async () => {
  server = await startRedis()
  feed = await openFeedFixture('door', server.url)
  address = await feed.app.listen({ port: 0, host: '127.0.0.1' })
})

afterAll(async () => {
  await feed.close()
  await server.stop()
})

function anEvent(changes: object = {}, around: object = {}) {
  return someEvent({ eventID: randomUUID(), ...changes }, around)
}

async function waiting(): Promise<number> {
  return await feed.redis.xlen(`${feed.fixture.prefix}:inbox`)
}

async function stored(): Promise<string> {
  return JSON.stringify(await feed.redis.xrange(`${feed.fixture.prefix}:inbox`, '-', '+'))
}

describe('who may deliver', () => {
  test.each([
    ['no key', {}, 401],
    ['a wrong key', { 'x-latchkey-key': 'c9'.repeat(32) }, 401],
    ['the begin of a key', { 'x-latchkey-key': KEYS.current.slice(0, -1) }, 401],
    ['the key as a bearer token', { authorization: `Bearer ${KEYS.current}` }, 401],
    ['the key of another account', { 'x-latchkey-key': KEYS.ofAnotherAccount }, 400],
    ['the current key', { 'x-latchkey-key': KEYS.current }, 202],
    ['the previous key, while they are rotated', { 'x-latchkey-key': KEYS.previous }, 202],
  ])('%s', async (_who, headers, status) => {
    const before = await waiting()
    expect((await feed.post(anEvent(), headers)).status).toBe(status)
    expect((await waiting()) - before).toBe(status === 202 ? 1 : 0)
  })

  test('a wrong key is refused before the body has arrived', async () => {
    const status = await new Promise((resolve, reject) => {
      const headers = { 'content-type': 'application/json', 'content-length': 900_000, 'x-latchkey-key': 'wrong' }
      const call = httpRequest(`${address}/api/cloudtrail`, { method: 'POST', headers }, (response) => {
        resolve(response.statusCode)
        call.destroy()
      })
      call.once('error', reject)
      call.flushHeaders()
    })
    expect(status).toBe(401)
  })

  test('without keys there is no such route', async () => {
    const app = httpServer({ log: feed.fixture.log, publicUrl: 'http://127.0.0.1:3978' })
    const { record, redis } = feed
    cloudTrailRoute(app, {
      inbox: redisInbox(redis),
      feed: redisFeed(redis),
      record,
      keys: undefined,
      metrics: httpMetrics(),
    })
    expect((await app.inject({ method: 'POST', url: '/api/cloudtrail', payload: anEvent() })).statusCode).toBe(404)
  })
})

describe('what is not taken', () => {
  test.each([
    ['not JSON', '{"account":', 400],
    ['a list', '[]', 400],
    ['no envelope', JSON.stringify(someEvent().detail), 400],
    ['an envelope of something else', JSON.stringify({ account: '111122223333', detail: { hello: 1 } }), 400],
    ['an account that is none', JSON.stringify(someEvent({}, { account: 'all' })), 400],
    ['more than 1 MB', JSON.stringify(someEvent({ filler: 'x'.repeat(1_048_576) })), 413],
  ])('%s', async (_what, body, status) => {
    const before = await waiting()
    expect((await feed.post(body)).status).toBe(status)
    expect(await waiting()).toBe(before)
  })

  test('an event of the largest size that EventBridge sends is taken', async () => {
    expect((await feed.post(anEvent({ userAgent: 'x'.repeat(255_000) }))).status).toBe(202)
    expect(await stored()).not.toContain('xxxxxxxx')
  })
})

test('credentials of an AssumeRole are never stored', async () => {
  const credentials = { accessKeyId: 'ASIAEXAMPLE', sessionToken: 'A-SESSION-TOKEN', expiration: 'x' }
  const event = anEvent({
    eventName: 'AssumeRole',
    eventSource: 'sts.amazonaws.com',
    responseElements: { credentials },
  })
  expect((await feed.post(event)).status).toBe(202)
  expect(await stored()).toContain('AssumeRole')
  expect(await stored()).not.toMatch(/A-SESSION-TOKEN|ASIAEXAMPLE/)
  expect(JSON.stringify(feed.fixture.lines)).not.toContain('A-SESSION-TOKEN')
})

test('what comes at once is one write for many, and every one of them is kept', async () => {
  const before = await stored()
  const events = Array.from({ length: 200 }, () => anEvent())
  const entriesBefore = await waiting()
  const answers = await Promise.all(events.map((event) => feed.post(event)))
  expect(answers.every(({ status }) => status === 202)).toBe(true)
  const after = await stored()
  expect(events.filter(({ detail }) => !after.includes(detail.eventID) || before.includes(detail.eventID))).toEqual([])
  expect((await waiting()) - entriesBefore).toBeLessThan(events.length)
})

test('a record that the inbox refused is not said to be taken', async () => {
  const inbox = `${feed.fixture.prefix}:inbox`
  // The inbox must exist for this test, also when it runs alone, as under its mutant.
  expect((await feed.post(anEvent())).status).toBe(202)
  await feed.redis.rename(inbox, `${inbox}-aside`)
  await feed.redis.set(inbox, 'no stream')
  expect((await feed.post(anEvent())).status).toBe(500)
  await feed.redis.rename(`${inbox}-aside`, inbox)
  expect((await feed.post(anEvent())).status).toBe(202)
})

test('a store that is nearly full takes no records, and says when to come back', async () => {
  const used = Number(/used_memory:(\d+)/.exec(await feed.redis.info('memory'))?.[1])
  await feed.redis.call('CONFIG', 'SET', 'maxmemory', String(Math.floor(used * 1.2)))
  try {
    await until(async () => (await feed.post(anEvent())).status === 503)
    expect(Number((await feed.post(anEvent())).retry)).toBeGreaterThan(0)
  } finally {
    await feed.redis.call('CONFIG', 'SET', 'maxmemory', '0')
  }
  await until(async () => (await feed.post(anEvent())).status === 202)
})

test('without Redis nothing is said to be taken, and what was taken is there when it is back', async () => {
  const taken = anEvent()
  expect((await feed.post(taken)).status).toBe(202)
  await server.kill9()
  const answer = await feed.post(anEvent())
  expect(answer.status).toBe(503)
  expect(Number(answer.retry)).toBeGreaterThan(0)
  await server.restart()
  await until(async () => (await feed.post(anEvent())).status === 202)
  expect(await stored()).toContain(taken.detail.eventID)
})
