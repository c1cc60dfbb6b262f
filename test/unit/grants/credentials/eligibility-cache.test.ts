import { expect, test } from 'vitest'
import { eligibilityCache } from '../../../../src/grants/credentials/eligibility-cache.ts'

test('what was never read has no age, and each reading starts it anew', () => {
  let nowMs = 1_000
  const seen = eligibilityCache(() => nowMs)
  expect(seen.ageMs('g-1')).toBeUndefined()
  seen.seen('g-1')
  nowMs += 700
  expect(seen.ageMs('g-1')).toBe(700)
  expect(seen.ageMs('g-2')).toBeUndefined()
  seen.seen('g-1')
  expect(seen.ageMs('g-1')).toBe(0)
})

test('of many grants the one that was read longest ago is forgotten first', () => {
  const seen = eligibilityCache(() => 0)
  for (let n = 0; n < 10_000; n += 1) seen.seen(`g-${n}`)
  seen.seen('g-0')
  seen.seen('g-new')
  expect(seen.ageMs('g-1')).toBeUndefined()
  for (const id of ['g-0', 'g-2', 'g-9999', 'g-new']) expect(seen.ageMs(id)).toBe(0)
})
