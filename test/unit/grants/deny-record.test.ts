import fc from 'fast-check'
import { expect, test } from 'vitest'
import { covers, deniedUntil, mergeDenied, unknownUntil, userIdOf } from '../../../src/grants/deny-record.ts'
import { ROLE, someTerms } from './a-grant.ts'

const NOW = Date.parse('2026-11-22T10:00:00.000Z')
const HOUR = 3_600_000

test('a denied id names one session of one role, nobody else', () => {
  expect(userIdOf(ROLE, 'g-0123456789ab')).toBe('AROAEXAMPLE:g-0123456789ab')
})

test('a denied id stays until its yes is worth nothing any more: the hour, the duration and a margin after it was given', () => {
  expect(deniedUntil(someTerms({ durationMinutes: 7 * 24 * 60 }))).toBe('2026-11-29T11:05:00.000Z')
})

test('an id that AWS denies and the record does not know stays denied as long as any grant could need it', () => {
  expect(mergeDenied([], ['AROA:g-unknown'], [], NOW)).toEqual([{ userid: 'AROA:g-unknown', until: unknownUntil(NOW) }])
  expect(unknownUntil(NOW)).toBe('2026-11-29T11:05:00.000Z')
})

test('an id already denied leaves only when its time is over', () => {
  const known = [{ userid: 'AROA:g-a', until: new Date(NOW + HOUR).toISOString() }]
  expect(mergeDenied(known, [], [], NOW)).toEqual(known)
  expect(mergeDenied(known, [], [], NOW + HOUR)).toEqual([])
  expect(mergeDenied(known, ['AROA:g-a'], [], NOW + HOUR)).toEqual([])
})

test('whoever is denied, by the record, by AWS or from now on, stays denied while the time is not over, and merging twice changes nothing', () => {
  const id = fc.stringMatching(/^AROA[0-9A-Z]{4}:g-[0-9a-z]{3}$/)
  const timed = fc.array(fc.record({ userid: id, until: fc.constant(new Date(NOW + HOUR).toISOString()) }))
  fc.assert(
    fc.property(timed, fc.array(id), timed, (known, held, added) => {
      const merged = mergeDenied(known, held, added, NOW)
      const ids = merged.map(({ userid }) => userid)
      expect(new Set(ids)).toEqual(new Set([...held, ...[...known, ...added].map(({ userid }) => userid)]))
      expect(mergeDenied(merged, ids, added, NOW)).toEqual(merged)
    }),
  )
})

test('a revoke is only believed when AWS reads back every id, the epoch and the issue time', () => {
  const wanted = { epoch: 'e1', issuedBefore: '2026-11-22T10:00:00Z', denied: ['a', 'b'] }
  expect(covers(wanted, wanted)).toBe(true)
  expect(covers({ ...wanted, denied: ['c', 'b', 'a'] }, wanted)).toBe(true)
  expect(covers(undefined, wanted)).toBe(false)
  expect(covers({ ...wanted, denied: ['a'] }, wanted)).toBe(false)
  expect(covers({ ...wanted, epoch: 'e0' }, wanted)).toBe(false)
  expect(covers({ ...wanted, issuedBefore: '2026-11-22T09:59:59Z' }, wanted)).toBe(false)
})
