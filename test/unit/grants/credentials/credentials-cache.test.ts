import { expect, test } from 'vitest'
import { makeCredentialsCache, type VendedUnder } from '../../../../src/grants/credentials/credentials-cache.ts'
import { genuine, someGrant, someTerms } from '../a-grant.ts'

const NOW = Date.parse('2026-11-22T10:00:00.000Z')
const MINUTE = 60_000
const ENDS = NOW + 120 * MINUTE

const iso = (ms: number) => new Date(ms).toISOString()
const active = (grantId: string, endsMs = ENDS) =>
  genuine(someGrant({ status: 'active', terms: someTerms({ grantId }), endsAt: iso(endsMs) }))
const GRANT_ID = 'g-0123456789ab'
const under: VendedUnder = { stored: active(GRANT_ID), cutMs: 1 }
const until = (ms: number) => ({ accessKeyId: 'A', secretAccessKey: 'S', sessionToken: 'T', expiresAt: iso(ms) })

test.each([
  ['16 minutes are left', NOW + 16 * MINUTE, true],
  ['15 minutes are left, and new ones would last longer', NOW + 15 * MINUTE, false],
  ['they are over', NOW, false],
])('credentials of which %s: handed out again %s', (_name, expiresMs, isKept) => {
  const cache = makeCredentialsCache()
  cache.keep(under, until(expiresMs), NOW - MINUTE)
  expect(cache.find(under, NOW) !== undefined).toBe(isKept)
})

test('near the grant’s end what lasts until then is handed out to the last, and not after it', () => {
  const cache = makeCredentialsCache()
  cache.keep(under, until(ENDS), ENDS - 10 * MINUTE)
  expect(cache.find(under, ENDS - 1)).toBeDefined()
  expect(cache.find(under, ENDS)).toBeUndefined()
})

test('what lasted until the end is bettered once the grant was extended', () => {
  const cache = makeCredentialsCache()
  cache.keep(under, until(ENDS), ENDS - 10 * MINUTE)
  const extended = { ...under, stored: active(GRANT_ID, ENDS + 60 * MINUTE) }
  expect(cache.find(extended, ENDS - 10 * MINUTE)).toBeUndefined()
})

test('credentials of another yes, or of before a cut, are not handed out', () => {
  const cache = makeCredentialsCache()
  cache.keep(under, until(ENDS), NOW)
  expect(
    cache.find({ ...under, stored: genuine(someGrant({ terms: someTerms({ levels: ['read'] }) })) }, NOW),
  ).toBeUndefined()
  expect(cache.find({ ...under, cutMs: 2 }, NOW)).toBeUndefined()
  expect(cache.find({ ...under, stored: active('g-000000000000') }, NOW)).toBeUndefined()
  expect(cache.find(under, NOW)).toBeDefined()
  cache.forget(GRANT_ID)
  expect(cache.find(under, NOW)).toBeUndefined()
})

test('what is over leaves the memory with a later vend of any grant, and the oldest of too many does', () => {
  const cache = makeCredentialsCache()
  cache.keep(under, until(NOW + MINUTE), NOW)
  const other = { ...under, stored: active('g-000000000000') }
  cache.keep(other, until(ENDS), NOW + 2 * MINUTE)
  expect(cache.find(under, NOW)).toBeUndefined()
  for (let n = 0; n < 10_000; n += 1) cache.keep({ ...under, stored: active(`g-${n}`) }, until(ENDS), NOW)
  expect(cache.find(other, NOW)).toBeUndefined()
  expect(cache.find({ ...under, stored: active('g-0') }, NOW)).toBeDefined()
})
