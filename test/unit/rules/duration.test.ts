import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatDuration, parseDuration } from '../../../src/rules/duration.ts'

test.each([
  ['1m', 1],
  ['45m', 45],
  ['8h', 480],
  ['2d', 2880],
])('%s is read in minutes', (text, minutes) => {
  expect(parseDuration(text)).toBe(minutes)
})

test.each(['', '0m', '45', 'm', '-5m', '1.5h', '08h', '8H', '1h30m', ' 8h', '8h\n', '8 h', '999999d', '1e3m'])(
  '%j is refused with the forms that are taken',
  (text) => {
    expect(() => parseDuration(text)).toThrow('45m, 8h or 2d')
  },
)

test.each([
  [45, '45m'],
  [90, '90m'],
  [120, '2h'],
  [1440, '1d'],
  [1500, '25h'],
])('%i minutes are written in the largest unit that is exact', (minutes, text) => {
  expect(formatDuration(minutes)).toBe(text)
})

test('every duration that is written reads back as itself', () => {
  const durations = fc.integer({ min: 1, max: 99_999 })
  fc.assert(fc.property(durations, (minutes) => parseDuration(formatDuration(minutes)) === minutes))
})
