import { afterEach, expect, test } from 'vitest'
import type { Grant, Terms } from '../../../src/grants/grant.ts'
import { addToEntityIndexes } from '../../../src/grants/grant-commits.ts'
import { type FeedFixture, openFeedFixture } from '../../fixtures/cloudtrail.ts'
import { eventOf, newId } from '../../fixtures/redis-record.ts'
import { DENIED_ON, someGrant, someTerms } from '../../unit/grants/a-grant.ts'
import { someEvent } from '../../unit/oversight/a-record.ts'

/** DESIGN §2.12 for people who write under their own role: from the feed's route to the write summary of the grant that allowed the write. */

const PRINCIPAL_ID = 'AROAEXAMPLE:rita'

let feed: FeedFixture
afterEach(() => feed.close())

/** The grant as its activation leaves it. */
async function grant(changes: Partial<Terms>, more: Partial<Grant> = {}): Promise<Grant> {
  const arn = 'arn:aws:iam::111122223333:role/app-team'
  const principal = {
    driver: 'attach',
    account: '111122223333',
    arn,
    userid: PRINCIPAL_ID,
    deniedOn: DENIED_ON,
  } as const
  const nowMs = await feed.record.now()
  const iso = (ms: number) => new Date(ms).toISOString()
  const times = { activatedAt: iso(nowMs - 60_000), endsAt: iso(nowMs + 3_600_000) }
  const terms = someTerms({ grantId: newId(), principal, ...changes })
  const given = someGrant({ status: 'active', terms, ...times, ...more })
  await feed.record.commit({
    ...addToEntityIndexes(given, nowMs + 3_600_000, nowMs),
    records: [{ kind: 'grant', id: given.id, expectedVersion: 0, next: given }],
    audit: [eventOf()],
  })
  return given
}

let written = 0
async function write(key: string, principalId = PRINCIPAL_ID): Promise<void> {
  written += 1
  const eventTime = new Date(await feed.record.now()).toISOString()
  const requestParameters = { bucketName: 'finance-reports', key }
  const event = someEvent({ eventTime, eventID: `write-${written}`, userIdentity: { principalId }, requestParameters })
  expect((await feed.post(event)).status).toBe(202)
}

test('each write is on the one grant of that person that allowed it; what none allowed is unexplained', async () => {
  feed = await openFeedFixture('attach-fold')
  const report = await grant({ scopes: ['s3://finance-reports/2026/'] })
  const tmp = await grant({ scopes: ['s3://finance-reports/tmp/'] })
  for (const key of ['2026/a', '2026/b', 'tmp/a', '2025/a']) await write(key)
  await write('2026/a', 'AROAEXAMPLE:finn')
  await feed.startFold()
  await feed.untilFolded()
  expect((await feed.writeSummary(report.id)).counts.written).toBe(2)
  expect((await feed.writeSummary(tmp.id)).counts.written).toBe(1)
  const unexplained = await feed.unexplained()
  expect(unexplained.map(({ principal, reason, count }) => [principal, reason, count]).sort()).toEqual([
    ['AROAEXAMPLE:finn', 'not-a-session-of-a-grant', 1],
    [PRINCIPAL_ID, 'outside-the-scope', 1],
  ])
})

test('a write that only a forged grant would allow is unexplained, and takes nothing from a genuine one', async () => {
  feed = await openFeedFixture('attach-fold-forged')
  const genuine = await grant({ scopes: ['s3://finance-reports/2026/'] })
  const forged = await grant({ scopes: ['s3://finance-reports/'] }, { mac: 'forged' })
  for (const key of ['2026/a', '2025/a']) await write(key)
  await feed.startFold()
  await feed.untilFolded()
  expect((await feed.writeSummary(genuine.id)).counts.written).toBe(1)
  expect((await feed.writeSummary(forged.id)).counts.written).toBe(0)
  expect(await feed.unexplained()).toMatchObject([{ principal: PRINCIPAL_ID, reason: 'outside-the-scope', count: 1 }])
})
