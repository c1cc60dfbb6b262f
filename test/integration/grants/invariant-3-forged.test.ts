import { afterAll, expect, test } from 'vitest'
import { PEOPLE } from '../../../sandbox/entra/fixture.ts'
import { type Review, readRequest } from '../../../src/access-requests/access-request.ts'
import { cancelRequest } from '../../../src/access-requests/cancel-request.ts'
import { lapseRequest } from '../../../src/access-requests/lapse-request.ts'
import { reviewAccessRequest } from '../../../src/access-requests/review/review-access-request.ts'
import { vendCredentials } from '../../../src/grants/credentials/vend-credentials.ts'
import { endGrant } from '../../../src/grants/end-grant.ts'
import type { Grant } from '../../../src/grants/grant.ts'
import { redisWriteSummaries } from '../../../src/redis/write-summaries.ts'
import { readView } from '../../../src/views/read-view.ts'
import { activateGrant } from '../../../workers/activate-grant.ts'
import { openUseCases } from '../../fixtures/use-cases.ts'
import { frozenMacOf } from '../../golden/frozen-signing.ts'

const useCases = await openUseCases('forged')
afterAll(() => useCases.close())

const DAY_MS = 86_400_000
/** Written by nobody who may. */
const DENIAL: Review = {
  reviewer: { objectId: PEOPLE.dana, name: 'Dana Okafor' },
  as: 'group:data-owners',
  decision: 'deny',
  comment: '',
  at: '2026-11-22T10:00:00.000Z',
}

test.each([
  { reason: 'something else' },
  { requester: { objectId: PEOPLE.rita, name: 'Somebody Trusted' } },
  { scopes: ['s3://finance-reports/'] },
  { durationMinutes: 480 },
  { lapsesAt: '2099-01-01T00:00:00.000Z' },
  { reviews: [DENIAL] },
  { reviews: [{ ...DENIAL, decision: 'approve' }] },
  { grantId: 'g-0123456789ab' },
  { closedAt: '2026-11-22T10:00:00.000Z' },
])('a request that was changed in Redis is approved by nobody: %o', async (change) => {
  const { id } = await useCases.ask()
  await useCases.overwriteRequest(id, change)
  const review = { decision: 'approve', comment: '' } as const
  await expect(reviewAccessRequest(useCases.deps, useCases.as('dana'), id, review)).rejects.toMatchObject({
    code: 'NOT_FOUND',
  })
  expect((await useCases.events('alarm.ask-does-not-add-up')).at(-1)).toMatchObject({ requestId: id })
  await cancelRequest(useCases.deps, useCases.as('rita'), id)
})

test('a grant written into a pending request is not shown as what it asks for', async () => {
  const { id } = await useCases.ask()
  const grantId = await useCases.approved()
  const narrow = (grant: Grant) => ({ ...grant.terms, requestId: id, scopes: ['s3://finance-reports/2026/one.csv'] })
  await useCases.overwrite(grantId, (grant) => ({ ...grant, terms: narrow(grant) }))
  await useCases.overwriteRequest(id, { grantId })
  const writeSummaries = redisWriteSummaries(await useCases.fixture.open('request'), {
    prefix: useCases.fixture.prefix,
  })
  const { view } = await readView({ ...useCases.deps, writeSummaries }, useCases.as('dana'), id)
  expect([view.request.scopes, view.grant]).toEqual([['s3://finance-reports/2026/'], null])
  await cancelRequest(useCases.deps, useCases.as('rita'), id)
})

test('the lapse time of an old request, which its MAC does not cover, counts no later than the rules say', async () => {
  const { id } = await useCases.ask()
  const { request } = (await readRequest(useCases.record, id)) ?? {}
  const old = { ...request, askedAt: new Date(Date.now() - DAY_MS).toISOString(), lapsesAt: '2099-01-01T00:00:00.000Z' }
  await useCases.overwriteRequest(id, { ...old, mac: frozenMacOf(useCases.deps.approvalKey, 'request', old) })
  const review = { decision: 'approve', comment: '' } as const
  await expect(reviewAccessRequest(useCases.deps, useCases.as('dana'), id, review)).rejects.toMatchObject({
    code: 'OVER',
  })
  await lapseRequest(useCases.deps, id)
  expect((await readRequest(useCases.record, id))?.request.status).toBe('lapsed')
})

test('a grant that was widened in Redis activates nothing, ends, and raises the alarm', async () => {
  const grantId = await useCases.approved()
  await useCases.overwrite(grantId, (grant) => ({
    ...grant,
    terms: { ...grant.terms, scopes: ['s3://finance-reports/'] },
  }))
  const before = useCases.calls('AssumeRole')
  await activateGrant(useCases.deps, grantId)
  expect(useCases.calls('AssumeRole')).toBe(before)
  expect(await useCases.grant(grantId)).toMatchObject({ status: 'revoking', end: { cause: 'yes-does-not-add-up' } })
  expect(await useCases.events('alarm.yes-does-not-add-up')).toMatchObject([{ grantId }])
})

test('a grant that was widened in Redis vends nothing, and ends', async () => {
  const grantId = await useCases.granted()
  await useCases.overwrite(grantId, (grant) => ({ ...grant, terms: { ...grant.terms, levels: ['delete'] } }))
  const before = useCases.calls('AssumeRole')
  await expect(vendCredentials(useCases.deps, useCases.as('rita'), grantId)).rejects.toMatchObject({
    code: 'NOT_FOUND',
  })
  expect(useCases.calls('AssumeRole')).toBe(before)
  expect(await useCases.grant(grantId)).toMatchObject({ status: 'revoking', end: { cause: 'yes-does-not-add-up' } })
})

test('a grant that was forged is ended by its requester like any other', async () => {
  const grantId = await useCases.granted()
  await useCases.overwrite(grantId, (grant) => ({ ...grant, mac: 'forged' }))
  await endGrant(useCases.deps, useCases.as('rita'), grantId)
  expect(await useCases.grant(grantId)).toMatchObject({ status: 'revoking', end: { cause: 'done' } })
})

test('a grant that was lengthened in Redis vends nothing', async () => {
  const grantId = await useCases.granted()
  const endsAt = new Date(Date.now() + DAY_MS).toISOString().replace(/\.\d+Z/, '.000Z')
  await useCases.overwrite(grantId, (grant) => ({ ...grant, endsAt }))
  const before = useCases.calls('AssumeRole')
  await expect(vendCredentials(useCases.deps, useCases.as('rita'), grantId)).rejects.toMatchObject({
    code: 'NOT_FOUND',
  })
  expect(useCases.calls('AssumeRole')).toBe(before)
})

test('a grant that was made active in Redis without AWS, past its end, vends nothing', async () => {
  const grantId = await useCases.approved()
  const endsAt = new Date(Date.now() - 60_000).toISOString().replace(/\.\d+Z/, '.000Z')
  await useCases.overwrite(grantId, (grant) => ({ ...grant, status: 'active', endsAt }))
  await expect(vendCredentials(useCases.deps, useCases.as('rita'), grantId)).rejects.toMatchObject({ code: 'OVER' })
})
