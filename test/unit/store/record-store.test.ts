import { expect, test } from 'vitest'
import { LatchkeyError } from '../../../src/errors.ts'
import { againOnConflict } from '../../../src/store/retry.ts'

async function triesUntil(
  error: Error | undefined,
  lost: number,
): Promise<{ readonly tries: number; readonly told: unknown }> {
  let tries = 0
  const once = async () => {
    tries += 1
    if (tries <= lost) throw new LatchkeyError('CONFLICT', { thing: 'grant' })
    if (error) throw error
  }
  const told = await againOnConflict(once).catch((caught: unknown) => caught)
  return { tries, told }
}

test('a lost race is run again', async () => {
  expect(await triesUntil(undefined, 3)).toEqual({ tries: 4, told: undefined })
})

test('a record that never stops moving keeps nobody busy for ever', async () => {
  const { tries, told } = await triesUntil(undefined, 1_000)
  expect(tries).toBe(10)
  expect(told).toMatchObject({ code: 'CONFLICT' })
})

test.each([
  new LatchkeyError('CONFLICT', { thing: 'request', outcome: 'denied' }),
  new LatchkeyError('CONFLICT', { thing: 'request', outcome: 'changed' }),
  new LatchkeyError('UNAVAILABLE', { what: 'the record', retryAfterSeconds: 5, perhapsDone: true }),
  new TypeError('a fault of ours'),
])('what another try would not change is told at once: $message', async (error) => {
  expect(await triesUntil(error, 0)).toEqual({ tries: 1, told: error })
})
