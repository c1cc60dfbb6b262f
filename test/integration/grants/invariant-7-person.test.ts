import { afterAll, describe, expect, test } from 'vitest'
import { cancelRequest } from '../../../src/access-requests/cancel-request.ts'
import { findRequest } from '../../../src/access-requests/find-requests.ts'
import { reviewAccessRequest } from '../../../src/access-requests/review/review-access-request.ts'
import { vendCredentials } from '../../../src/grants/credentials/vend-credentials.ts'
import { endGrant } from '../../../src/grants/end-grant.ts'
import { findGrant } from '../../../src/grants/find-grants.ts'
import { openUseCases } from '../../fixtures/use-cases.ts'

const useCases = await openUseCases('person')
const { deps } = useCases
afterAll(() => useCases.close())

test.each(['dana', 'finn', 'omar'] as const)('credentials go to the requester alone, not to %s', async (other) => {
  const grantId = await useCases.granted('rita')
  const caller = useCases.as(other, { roles: other === 'omar' ? ['Latchkey.Owner'] : [] })
  const before = useCases.calls('AssumeRole')
  await expect(vendCredentials(deps, caller, grantId)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  expect(useCases.calls('AssumeRole')).toBe(before)
})

describe('missing and forbidden read alike', () => {
  const finn = useCases.as('finn')
  const decision = { decision: 'approve', comment: '' } as const

  test.each([
    ['seeing a request', (id: string) => findRequest(deps, finn, id)],
    ['cancelling a request', (id: string) => cancelRequest(deps, finn, id)],
    ['reviewing a request', (id: string) => reviewAccessRequest(deps, finn, id, decision)],
  ])('%s', async (_what, act) => {
    const { id } = await useCases.ask('rita')
    expect(await refusal(act(id))).toEqual(await refusal(act('r-000000000000')))
  })

  test.each([
    ['seeing a grant', (id: string) => findGrant(deps, finn, id)],
    ['ending a grant', (id: string) => endGrant(deps, finn, id)],
    ['vending from a grant', (id: string) => vendCredentials(deps, finn, id)],
  ])('%s', async (_what, act) => {
    const id = await useCases.granted('rita')
    expect(await refusal(act(id))).toEqual(await refusal(act('g-000000000000')))
  })
})

async function refusal(act: Promise<object>): Promise<unknown> {
  return act.then(
    () => 'done',
    ({ code, message }: { readonly code: unknown; readonly message: unknown }) => ({ code, message }),
  )
}
