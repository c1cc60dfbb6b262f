import { expect, test } from 'vitest'
import { jobId, sweepOccasion } from '../../../src/jobs/catalog.ts'

const NOW = Date.parse('2026-11-22T10:00:00.000Z')

function repair(nowMs: number): string {
  return jobId({ act: 'revoke', recordId: 'g-0123456789ab', occasion: sweepOccasion(nowMs) })
}

test('a repair gets a fresh id every ten seconds, and one id within them', () => {
  const ids = [0, 9_999, 10_000, 20_000].map((afterMs) => repair(NOW + afterMs))
  expect(ids[1]).toBe(ids[0])
  expect(new Set(ids).size).toBe(3)
})

test('the id of a job says act, record and occasion, in characters that BullMQ takes', () => {
  const job = { act: 'activate', recordId: 'g-0123456789ab', occasion: '1' } as const
  const others = [{ ...job, act: 'revoke' } as const, { ...job, recordId: 'g-0123456789ac' }, { ...job, occasion: '2' }]
  expect(new Set([job, ...others].map(jobId)).size).toBe(4)
  expect(jobId(job)).toMatch(/^[A-Za-z0-9_-]+$/)
})
