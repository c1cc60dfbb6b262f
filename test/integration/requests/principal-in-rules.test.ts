import { afterAll, expect, test } from 'vitest'
import { PEOPLE } from '../../../sandbox/entra/fixture.ts'
import { type AskDeps, requestAccess } from '../../../src/access-requests/request-access.ts'
import { reviewAccessRequest } from '../../../src/access-requests/review/review-access-request.ts'
import { parseRules } from '../../../src/rules/file/parse-rules.ts'
import { parseScope } from '../../../src/rules/scope.ts'
import { activateGrant } from '../../../workers/activate-grant.ts'
import { OWN_ROLE_RULES, openAttachUseCases } from '../../fixtures/attach-use-cases.ts'
import { RULES } from '../../fixtures/world.ts'

/** A record cannot choose the principal of an approval: the rules at the click must name the principal of the request. */

const useCases = await openAttachUseCases('named')
afterAll(() => useCases.close())

async function refusedBy(asking: AskDeps, rules: string): Promise<void> {
  const input = { scopes: [parseScope('s3://finance-reports/2026/')], levels: ['write'], reason: 'month-end' } as const
  const { id } = await requestAccess(asking, useCases.as('rita'), input)
  const later = { ...asking, rules: parseRules(`people: { rita: ${PEOPLE.rita} }\n${rules}`) }
  const decide = (decision: 'approve' | 'deny') =>
    reviewAccessRequest(later, useCases.as('dana'), id, { decision, comment: '' })
  const another = expect.stringContaining('The rules now name another role')
  await expect(decide('approve')).rejects.toMatchObject({ code: 'NOT_ELIGIBLE', message: another })
  expect(
    (await useCases.events('request.approved')).filter((event) => 'requestId' in event && event.requestId === id),
  ).toEqual([])
  expect((await decide('deny')).status).toBe('denied')
}

test.each([
  ['another elevation role', RULES.replace('latchkey/prod', 'latchkey/other')],
  ['another account', RULES.replace('111122223333', '444455556666')],
  ['the person’s own role', OWN_ROLE_RULES.replace('name: own-role', 'name: finance-reports')],
])('a session is refused its yes where the rules name %s at the click', async (_name, rules) => {
  await refusedBy(useCases.sessions, rules)
})

test.each([
  ['another shared role', OWN_ROLE_RULES.replace('role: app-team', 'role: other-team')],
  ['a user of that name', OWN_ROLE_RULES.replace(/"group:finance": \{.*\}/, 'person:rita: { user: app-team }')],
  ['another session name', OWN_ROLE_RULES.replace('mailNickname', 'userPrincipalName')],
  ['another account', OWN_ROLE_RULES.replace('111122223333', '444455556666')],
  ['the elevation role', OWN_ROLE_RULES.replace('    driver: attach\n', '')],
])('a policy on the own role is refused its yes where the rules name %s at the click', async (_name, rules) => {
  await refusedBy(useCases.deps, rules)
})

test('what was approved is not activated once the rules name another principal', async () => {
  const id = await useCases.approvedAttach()
  const rules = parseRules(
    `people: { rita: ${PEOPLE.rita} }\n${OWN_ROLE_RULES.replace('role: app-team', 'role: other-team')}`,
  )
  await activateGrant({ ...useCases.deps, rules }, id)
  expect(await useCases.grant(id)).toMatchObject({ status: 'revoking', end: { cause: 'no-longer-eligible' } })
  expect(useCases.attachedGrants()).toEqual([])
})
