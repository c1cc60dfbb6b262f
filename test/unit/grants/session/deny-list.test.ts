import fc from 'fast-check'
import { expect, test } from 'vitest'
import { sessionUserId } from '../../../../src/grants/principal.ts'
import { covers, deniedUntil, mergeDenied, unknownUntil } from '../../../../src/grants/session/deny-list.ts'
import { parseRules } from '../../../../src/rules/file/parse-rules.ts'
import { RULES } from '../../../fixtures/world.ts'
import { ROLE, someTerms } from '../a-grant.ts'

const NOW = Date.parse('2026-11-22T10:00:00.000Z')
const HOUR = 3_600_000
const [ENTITLEMENT] = parseRules(RULES).entitlements
if (!ENTITLEMENT) throw new Error('The rules give nothing to anybody.')

test('a denied id names one session of one role, nobody else', () => {
  expect(sessionUserId(ROLE, 'g-0123456789ab')).toBe('AROAEXAMPLE:g-0123456789ab')
})

test('a denied id stays until its yes is worth nothing any more: the hour, the duration and a margin after it was given', () => {
  expect(deniedUntil(someTerms({ durationMinutes: 7 * 24 * 60 }))).toBe('2026-11-29T11:05:00.000Z')
})

const LATER = new Date(NOW + HOUR).toISOString()

function held(...denied: readonly string[]) {
  return { denied, until: LATER }
}

test('an id that AWS denies and the record does not know stays denied as long as a grant of these rules could need it', () => {
  expect(mergeDenied([], held('AROA:g-unknown'), [], NOW)).toEqual([{ userid: 'AROA:g-unknown', until: LATER }])
  const entitlements = [480, 45].map((longestMinutes) => ({ ...ENTITLEMENT, longestMinutes }))
  expect(unknownUntil({ entitlements }, NOW)).toBe('2026-11-22T19:05:00.000Z')
})

test('an id already denied leaves only when its time is over', () => {
  const known = [{ userid: 'AROA:g-a', until: LATER }]
  expect(mergeDenied(known, held(), [], NOW)).toEqual(known)
  expect(mergeDenied(known, held(), [], NOW + HOUR)).toEqual([])
  expect(mergeDenied(known, held('AROA:g-a'), [], NOW + HOUR)).toEqual([])
})

test('an id that was ever explained is never again one of those that may be left out', () => {
  const [known, forged] = [
    { userid: 'AROA:g-a', until: LATER },
    { userid: 'AROA:g-a', until: LATER, unexplained: true },
  ] as const
  const all = { ...held('AROA:g-a'), unexplained: ['AROA:g-a'] }
  expect(mergeDenied([forged], all, [forged], NOW)).toEqual([forged])
  expect(mergeDenied([], held(), [forged], NOW)).toEqual([forged])
  expect(mergeDenied([], held('AROA:g-a'), [forged], NOW)).toEqual([known])
  expect(mergeDenied([known], all, [forged], NOW)).toEqual([known])
  expect(mergeDenied([forged], all, [known], NOW)).toEqual([known])
})

test('whoever is denied, by the record, by AWS or from now on, stays denied while the time is not over, and merging twice changes nothing', () => {
  const id = fc.stringMatching(/^AROA[0-9A-Z]{4}:g-[0-9a-z]{3}$/)
  const timed = fc.array(fc.record({ userid: id, until: fc.constant(LATER) }))
  fc.assert(
    fc.property(timed, fc.array(id), timed, (known, inAws, added) => {
      const merged = mergeDenied(known, held(...inAws), added, NOW)
      const ids = merged.map(({ userid }) => userid)
      expect(new Set(ids)).toEqual(new Set([...inAws, ...[...known, ...added].map(({ userid }) => userid)]))
      expect(mergeDenied(merged, held(...ids), added, NOW)).toEqual(merged)
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
