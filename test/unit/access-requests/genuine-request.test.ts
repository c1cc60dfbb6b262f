import { expect, test } from 'vitest'
import { GenuineRequest } from '../../../src/access-requests/genuine-request.ts'
import { contentVersion, signRequest } from '../../../src/access-requests/request-mac.ts'
import { APPROVAL_KEY, ROLE } from '../grants/a-grant.ts'

const RITA = { objectId: '11111111-1111-4111-8111-111111111111', name: 'Rita' }
const review = {
  reviewer: { objectId: '22222222-2222-4222-8222-222222222222', name: 'Max' },
  as: 'manager',
  decision: 'approve',
  comment: '',
  at: '2026-11-22T10:01:00.000Z',
} as const

const request = signRequest(APPROVAL_KEY, {
  id: 'r-0123456789ab',
  status: 'pending',
  requester: RITA,
  scopes: ['s3://finance-reports/2026/'],
  levels: ['write'],
  durationMinutes: 45,
  reason: 'month-end',
  ticket: '',
  entitlement: 'month-end',
  principal: ROLE,
  asked: [],
  askedAt: '2026-11-22T10:00:00.000Z',
  lapsesAt: '2026-11-23T10:00:00.000Z',
  reviews: [],
  copies: [],
})

test('a request whose MAC is ours is genuine, and nothing else is', () => {
  expect(GenuineRequest.check(APPROVAL_KEY, { version: 1, request }).kind).toBe('genuine')
  const changed = { ...request, durationMinutes: 480 }
  expect(GenuineRequest.check(APPROVAL_KEY, { version: 1, request: changed })).toEqual({
    kind: 'forged',
    version: 1,
    request: changed,
  })
})

test('the content version names what the MAC covers, whatever became of the request', () => {
  const version = contentVersion(request)
  expect(version).toMatch(/^2\.[\w-]{22}$/)
  const given = GenuineRequest.check(APPROVAL_KEY, { version: 1, request })
  if (given.kind === 'forged') throw new Error('It was signed with our key.')
  expect(contentVersion(given.decide('denied', { ...review, decision: 'deny' }))).toBe(version)
  const others = [{ levels: ['read'] }, { lapsesAt: '2026-11-24T10:00:00.000Z' }, { warnings: ['AWS may refuse it.'] }]
  for (const change of others) expect(contentVersion(Object.assign({ ...request }, change))).not.toBe(version)
})

test('a pending request with a review or a grant in it was written by somebody else', () => {
  const written = [{ reviews: [review] }, { grantId: 'g-0123456789ab' }, { closedAt: review.at }]
  for (const change of written)
    expect(GenuineRequest.check(APPROVAL_KEY, { version: 1, request: { ...request, ...change } }).kind).toBe('forged')
})

test('a spread copy of a genuine request is none: nobody can decide it', () => {
  const given = GenuineRequest.check(APPROVAL_KEY, { version: 1, request })
  if (given.kind === 'forged') throw new Error('It was signed with our key.')
  const copy = { ...given, request: { ...given.request, durationMinutes: 480 } }
  expect(GenuineRequest.isOne(given)).toBe(true)
  expect(GenuineRequest.isOne(copy)).toBe(false)
  // @ts-expect-error The compiler refuses it too.
  const refused: GenuineRequest = copy
  expect(() => refused.decide('approved', review)).toThrow(TypeError)
  expect(given.decide('approved', review)).toMatchObject({ status: 'approved', closedAt: review.at, reviews: [review] })
})

test('what was decided is decided once', () => {
  const closed = GenuineRequest.check(APPROVAL_KEY, { version: 2, request: { ...request, status: 'denied' } })
  if (closed.kind === 'forged') throw new Error('The status is not under the MAC.')
  expect(() => closed.decide('approved', review)).toThrow('cannot move from denied to approved')
})
