import { afterAll, expect, test } from 'vitest'
import type { PersonName } from '../../../sandbox/entra/fixture.ts'
import { readRequest } from '../../../src/access-requests/access-request.ts'
import { reviewAccessRequest } from '../../../src/access-requests/review/review-access-request.ts'
import { openUseCases } from '../../fixtures/use-cases.ts'

const useCases = await openUseCases('one-decision')
afterAll(() => useCases.close())

function review(reviewer: PersonName, requestId: string, decision: 'approve' | 'deny', version?: string) {
  const input = { decision, comment: '', ...(version === undefined ? {} : { version }) }
  return reviewAccessRequest(useCases.deps, useCases.as(reviewer), requestId, input)
}

test('whoever comes after the decision is told who decided, and when', async () => {
  const { id } = await useCases.ask()
  const { closedAt } = await review('max', id, 'deny')
  const told = { code: 'CONFLICT', facts: { outcome: 'denied', by: 'Max Mertens', at: closedAt } }
  await expect(review('dana', id, 'approve')).rejects.toMatchObject(told)
})

test('of simultaneous clicks exactly one decides, and every other is told who and when', async () => {
  const { id } = await useCases.ask()
  const clicks = Array.from({ length: 4 }, (_, n) =>
    review(n % 2 === 0 ? 'max' : 'dana', id, n % 4 < 2 ? 'approve' : 'deny'),
  )
  const settled = await Promise.allSettled(clicks)
  const stored = await readRequest(useCases.record, id)
  const { status: outcome, closedAt: at, reviews } = stored?.request ?? {}
  expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  const told = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []))
  for (const error of told) {
    expect(error).toMatchObject({ code: 'CONFLICT', facts: { outcome, at, by: reviews?.[0]?.reviewer.name } })
  }
})

test('a yes to something else than what is there now is no yes', async () => {
  const { id } = await useCases.ask()
  await expect(review('max', id, 'approve', '7')).rejects.toMatchObject({ code: 'CONFLICT' })
  expect((await readRequest(useCases.record, id))?.request.status).toBe('pending')
})
