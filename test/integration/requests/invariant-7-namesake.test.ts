import { afterAll, afterEach, expect, test } from 'vitest'
import { PEOPLE } from '../../../sandbox/entra/fixture.ts'
import { requestAccess } from '../../../src/access-requests/request-access.ts'
import { reviewAccessRequest } from '../../../src/access-requests/review/review-access-request.ts'
import { parseScope } from '../../../src/rules/scope.ts'
import { activateGrant } from '../../../workers/activate-grant.ts'
import { openAttachUseCases } from '../../fixtures/attach-use-cases.ts'

/** DESIGN §2.7: on a shared role the session name identifies the person, so a name that two accounts have is accepted for neither. */

const useCases = await openAttachUseCases('namesake')
const { tenant } = useCases.entra
afterEach(() => tenant.change(PEOPLE.della, { mailNickname: 'della' }))
afterAll(() => useCases.close())

const giveDella = (mailNickname: string) => tenant.change(PEOPLE.della, { mailNickname })

function ask() {
  const input = { scopes: [parseScope('s3://finance-reports/2026/')], levels: ['write'], reason: 'month-end' } as const
  return requestAccess(useCases.deps, useCases.as('rita'), input)
}

const refusal = {
  code: 'NOT_ELIGIBLE',
  message: expect.stringMatching(/^(?!.*(?:rita|della)).*called after mailNickname.*Tell an owner of Latchkey\.$/i),
}

test('nobody is asked for somebody whose session name another account has, even disabled and in other case', async () => {
  giveDella('RITA')
  const before = useCases.aws.journal.entries().length
  await expect(ask()).rejects.toMatchObject(refusal)
  expect(useCases.aws.journal.entries()).toHaveLength(before)
  giveDella('della')
  expect(await ask()).toMatchObject({ status: 'pending' })
})

test('no yes is taken once another account has the name, and the no still is', async () => {
  const { id } = await ask()
  const decide = (decision: 'approve' | 'deny') =>
    reviewAccessRequest(useCases.deps, useCases.as('dana'), id, { decision, comment: '' })
  giveDella('rita')
  await expect(decide('approve')).rejects.toMatchObject(refusal)
  expect((await decide('deny')).status).toBe('denied')
})

test('nothing is attached once another account has the name', async () => {
  const id = await useCases.approvedAttach('rita')
  giveDella('rita')
  await activateGrant(useCases.deps, id)
  expect(await useCases.grant(id)).toMatchObject({ status: 'revoking', end: { cause: 'no-longer-eligible' } })
  expect(useCases.attachedGrants()).toEqual([])
})
