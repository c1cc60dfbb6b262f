import { randomUUID } from 'node:crypto'
import { afterEach, describe, expect, test } from 'vitest'
import { auditEvent } from '../../../src/audit/events.ts'
import { type FeedFixture, openFeedFixture, writeBy } from '../../fixtures/cloudtrail.ts'

/** Every CloudTrail record answered with 202 is attributed or reported as unexplained, once. */

const feeds: FeedFixture[] = []

async function open(): Promise<FeedFixture> {
  const feed = await openFeedFixture('fold')
  feeds.push(feed)
  return feed
}

afterEach(async () => {
  for (const feed of feeds.splice(0)) await feed.close()
})

async function deliver(feed: FeedFixture, events: readonly object[]): Promise<void> {
  const answers = await Promise.all(events.map((event) => feed.post(event)))
  expect(answers.filter(({ status }) => status !== 202)).toEqual([])
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item)
}

function key(name: string) {
  return { requestParameters: { bucketName: 'finance-reports', key: `2026/${name}` } }
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}

test('a write is on its grant: kind, key, bytes and time', async () => {
  const feed = await open()
  const grant = await feed.grant()
  const event = writeBy(grant)
  await feed.startFold()
  await deliver(feed, [event, writeBy(grant, { eventName: 'GetObject', readOnly: true })])
  await feed.untilFolded()
  const at = iso(Date.parse(event.detail.eventTime))
  expect(await feed.writeSummary(grant.id)).toEqual({
    counts: { written: 1, copied: 0, deleted: 0, 'batch-deleted': 0, tagged: 0, other: 0, denied: 0 },
    bytes: 24,
    firstAt: at,
    lastAt: at,
    last: [{ kind: 'written', name: 'PutObject', uri: 's3://finance-reports/2026/a.csv', at }],
  })
  expect(await feed.unexplained()).toEqual([])
})

test('10,000 doubled and shuffled records under two workers are counted once each', async () => {
  const feed = await open()
  const grants = await Promise.all(Array.from({ length: 5 }, () => feed.grant()))
  const events = Array.from({ length: 10_000 }, (_, n) => writeBy(grants[n % 5] ?? { id: '' }, key(`${n}.csv`)))
  await feed.startFold()
  await feed.startFold()
  const all = shuffled([...events, ...events.slice(0, 2_000)])
  for (let from = 0; from < all.length; from += 1_000) await deliver(feed, all.slice(from, from + 1_000))
  await feed.untilFolded()
  for (const { id } of grants) {
    expect(await feed.writeSummary(id)).toMatchObject({ counts: { written: 2_000 }, bytes: 48_000 })
  }
  expect(await feed.unexplained()).toEqual([])
})

test('what was read and not folded by a worker that died is folded by the next', async () => {
  const feed = await open()
  const grant = await feed.grant()
  const { prefix } = feed.fixture
  await deliver(feed, [writeBy(grant), writeBy(grant)])
  await feed.redis.xgroup('CREATE', `${prefix}:inbox`, 'fold', '0')
  await feed.redis.xreadgroup('GROUP', 'fold', 'fold', 'COUNT', 10, 'STREAMS', `${prefix}:inbox`, '>')
  await feed.startFold()
  await feed.untilFolded()
  expect((await feed.writeSummary(grant.id)).counts.written).toBe(2)
})

test('records in any order give first and last time, and the latest twenty keys', async () => {
  const feed = await open()
  const grant = await feed.grant()
  const start = Date.parse(grant.activatedAt ?? '')
  const events = Array.from({ length: 30 }, (_, n) =>
    writeBy(grant, { ...key(`${n}.csv`), eventTime: iso(start + n * 1_000) }),
  )
  await feed.startFold()
  for (const event of shuffled(events)) await deliver(feed, [event])
  await feed.untilFolded()
  const { firstAt, lastAt, last } = await feed.writeSummary(grant.id)
  expect([firstAt, lastAt]).toEqual([iso(start), iso(start + 29_000)])
  expect(last.map(({ uri }) => uri)).toEqual(
    Array.from({ length: 20 }, (_, n) => `s3://finance-reports/2026/${29 - n}.csv`),
  )
})

test('a record that comes hours after the end is matched by its own time', async () => {
  const feed = await open()
  const hoursAgo = (hours: number) => iso(Date.now() - hours * 3_600_000)
  const times = { activatedAt: hoursAgo(23), endsAt: hoursAgo(22), endedAt: hoursAgo(22) }
  const grant = await feed.grant({ status: 'expired', ...times })
  await feed.startFold()
  await deliver(feed, [
    writeBy(grant, { eventTime: hoursAgo(22.5) }),
    writeBy(grant, { eventTime: hoursAgo(21) }),
    writeBy(grant, { eventTime: hoursAgo(21), errorCode: 'AccessDenied' }),
  ])
  await feed.untilFolded()
  expect((await feed.writeSummary(grant.id)).counts).toMatchObject({ written: 1, denied: 1 })
  expect(await feed.unexplained()).toMatchObject([{ reason: 'after-the-grant', count: 1 }])
})

describe('what no grant explains', () => {
  test('is reported with its reason, and shows on no grant', async () => {
    const feed = await open()
    const grant = await feed.grant()
    await feed.startFold()
    await deliver(feed, [
      writeBy({ id: 'g-000000000000' }),
      writeBy(grant, { userIdentity: { principalId: `AROAOTHER:${grant.id}` } }),
      writeBy(grant, {}, { account: '222233334444' }),
      writeBy(grant, { userIdentity: { principalId: 'AIDAEXAMPLE', arn: 'arn:aws:iam::111122223333:user/eve' } }),
      writeBy(grant, { userIdentity: { type: 'AWSService' } }),
      writeBy(grant, {
        userIdentity: { principalId: 'AROAEXAMPLE:g-000000000000' },
        eventName: 'GetObject',
        readOnly: true,
      }),
    ])
    await feed.untilFolded()
    const reported = await feed.unexplained()
    for (const event of reported) expect(auditEvent.parse(event)).toEqual(event)
    expect(reported.map(({ name, reason }) => `${name} ${reason}`).sort()).toEqual([
      'GetObject unknown-grant',
      'PutObject no-principal',
      'PutObject not-a-session-of-a-grant',
      'PutObject other-account',
      'PutObject other-principal',
      'PutObject unknown-grant',
    ])
    expect((await feed.writeSummary(grant.id)).counts.written).toBe(0)
  })

  test('is also what only a forged grant would explain', async () => {
    const feed = await open()
    const [genuine, forged] = [await feed.grant(), await feed.grant({ mac: 'forged' })]
    await feed.startFold()
    await deliver(feed, [writeBy(genuine), writeBy(forged)])
    await feed.untilFolded()
    expect((await feed.writeSummary(genuine.id)).counts.written).toBe(1)
    expect((await feed.writeSummary(forged.id)).counts.written).toBe(0)
    expect(await feed.unexplained()).toMatchObject([{ reason: 'unknown-grant', count: 1 }])
  })

  test('is gathered: many records are few events, and none is left out of the count', async () => {
    const feed = await open()
    const known = Array.from({ length: 300 }, () => writeBy({ id: 'g-000000000000' }))
    const many = Array.from({ length: 300 }, (_, n) =>
      writeBy({ id: '' }, { userIdentity: { principalId: `AIDA${n}` } }),
    )
    await deliver(feed, [...known, ...known.slice(0, 50), ...many])
    await feed.startFold()
    await feed.untilFolded()
    const reported = await feed.unexplained()
    expect(reported.reduce((sum, { count }) => sum + Number(count), 0)).toBe(600)
    for (const event of reported) expect(auditEvent.parse(event)).toEqual(event)
  })
})

test('junk in the inbox and under a digest’s name keeps nothing else from being folded', async () => {
  const feed = await open()
  const { prefix } = feed.fixture
  const grant = await feed.grant()
  await feed.redis.xadd(`${prefix}:inbox`, '*', 'record', 'not JSON')
  await feed.redis.xadd(`${prefix}:inbox`, '*', 'record', '{"id":"forged"}')
  await feed.redis.set(`${prefix}:digest:${grant.id}`, 'junk')
  await feed.redis.hset(`${prefix}:grant:g-111111111111`, { version: '1', json: 'junk' })
  await deliver(feed, [writeBy(grant), writeBy({ id: 'g-111111111111' })])
  await feed.startFold()
  await feed.untilFolded()
  expect((await feed.writeSummary(grant.id)).counts.written).toBe(1)
  expect(await feed.unexplained()).toMatchObject([{ reason: 'unknown-grant' }])
})

test('a record whose id or key is no whole text is folded like any other', async () => {
  const feed = await open()
  const grant = await feed.grant()
  await feed.startFold()
  const half = '\ud800'
  await deliver(feed, [writeBy(grant, { eventID: half, ...key(half) }), writeBy({ id: half }, { eventID: `${half}2` })])
  await feed.untilFolded()
  expect(await feed.writeSummary(grant.id)).toMatchObject({ counts: { written: 1 }, last: [{ name: 'PutObject' }] })
  expect(await feed.unexplained()).toHaveLength(1)
})

test('a record is forgotten only when it could no longer be counted', async () => {
  const feed = await open()
  const grant = await feed.grant({ endsAt: iso(Date.now() + 8 * 3_600_000) })
  await feed.startFold()
  await deliver(feed, [writeBy(grant, { eventID: 'a' }), writeBy({ id: 'g-000000000000' }, { eventID: randomUUID() })])
  await feed.untilFolded()
  const until = Number(await feed.redis.zscore(`${feed.fixture.prefix}:seen`, '111122223333/a'))
  expect(until).toBeGreaterThan(Date.parse(grant.endsAt ?? '') + 24 * 3_600_000)
  await feed.redis.zadd(`${feed.fixture.prefix}:seen`, 1, 'long-ago')
  await deliver(feed, [writeBy(grant)])
  await feed.untilFolded()
  expect(await feed.redis.zscore(`${feed.fixture.prefix}:seen`, 'long-ago')).toBeNull()
})
