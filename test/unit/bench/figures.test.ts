import { describe, expect, test } from 'vitest'
import { commandsIn, type Trip } from '../../bench/tools/counting-proxy.ts'
import { countTrips, isIdle } from '../../bench/tools/idle.ts'
import { compare } from '../../bench/tools/rounds.ts'
import { median, percentile } from '../../bench/tools/statistics.ts'
import { formatTable } from '../../bench/tools/table.ts'

describe('figures', () => {
  test('the median is the middle one, or the mean of the two in the middle', () => {
    expect(median([9, 1, 5])).toBe(5)
    expect(median([4, 1, 3, 100])).toBe(3.5)
    expect(() => median([])).toThrow('Nothing was measured.')
  })

  test('a percentile is a measured value that so many per cent do not exceed', () => {
    const hundred = Array.from({ length: 100 }, (_, position) => 100 - position)
    expect(percentile(hundred, 95)).toBe(95)
    expect(percentile([3, 1, 2], 95)).toBe(3)
    expect(percentile([7], 0)).toBe(7)
  })

  test('one slow round does not move the ratio', async () => {
    const slow = new Set([7, 9])
    let turns = 0
    const latchkey = async () => 50
    const baseline = async () => (slow.has(turns++) ? 1 : 100)
    expect((await compare({ latchkey, baseline }, 'records/s', () => undefined)).ratio).toBe(0.5)
  })

  test('the table has a line for each bench, and its columns stand below each other', () => {
    const row = { name: 'intake-accept', value: 1.2345, goal: '≥ 1', meets: true, detail: '12 against 10' }
    const lines = formatTable([row, { ...row, name: 'fold', value: 4, meets: false }]).split('\n')
    expect(lines).toEqual([
      'name           value  goal  meets  detail',
      'intake-accept  1.23   ≥ 1   yes    12 against 10',
      'fold           4      ≥ 1   no     12 against 10',
    ])
  })
})

describe('round trips', () => {
  const time = ['evalsha', 'abc', '1', '{latchkey}:epoch']
  const dueCheck = ['zrangebyscore', '{latchkey}:due:grants', '-inf', '1']
  const read = ['hmget', '{latchkey}:grant:g-1', 'version', 'json']
  const wait = ['bzpopmin', '{latchkey}:revoke:marker', '5']

  test('the commands of one burst are read as they were sent, whatever is in them', () => {
    const burst = '*2\r\n$3\r\nget\r\n$4\r\na\r\nb\r\n*1\r\n$4\r\nping\r\n'
    expect(commandsIn(Buffer.from(burst))).toEqual([['get', 'a\r\nb'], ['ping']])
  })

  test('waiting and looking at what is due counts for nobody; a burst with one command that works is one', () => {
    const trips: readonly Trip[] = [[time], [dueCheck], [wait], [time], [read, read], [wait, read]]
    expect(trips.filter(isIdle)).toEqual([[dueCheck], [wait]])
    expect(countTrips(trips)).toBe(3)
  })
})
