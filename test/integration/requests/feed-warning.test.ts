import { afterAll, beforeAll, expect, test } from 'vitest'
import { findRequest } from '../../../src/access-requests/find-requests.ts'
import { redisFeed } from '../../../src/redis/feed.ts'
import { requestView } from '../../../src/views/request-view.ts'
import { openUseCases, type UseCases } from '../../fixtures/use-cases.ts'

let useCases: UseCases
beforeAll(async () => {
  useCases = await openUseCases('feed-warning')
})
afterAll(() => useCases.close())

async function warnings(): Promise<readonly string[]> {
  const { id } = await useCases.ask()
  const { request } = await findRequest(useCases.deps, useCases.as('rita'), id)
  return requestView(request).warnings
}

test('who decides is told where the activity feed is not proven, until the first record of that bucket came', async () => {
  expect(await warnings()).toEqual([expect.stringContaining('finance-reports may not show here')])
  const feed = redisFeed(await useCases.fixture.open('request'), { prefix: useCases.fixture.prefix })
  await feed.prove('payroll', '2026-11-22T10:00:00.000Z')
  expect(await warnings()).toHaveLength(1)
  await feed.prove('finance-reports', '2026-11-22T10:00:00.000Z')
  expect(await warnings()).toEqual([])
})
