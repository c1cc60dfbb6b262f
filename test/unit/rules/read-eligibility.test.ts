import { expect, test } from 'vitest'
import type { DirectoryAttribute } from '../../../src/rules/directory.ts'
import { parseRules } from '../../../src/rules/file/parse-rules.ts'
import { readEligibility } from '../../../src/rules/read-eligibility.ts'
import { parseScope } from '../../../src/rules/scope.ts'
import { ADA, BO, change, LEAD, person } from './a-rules-file.ts'

/** The rules of the tests, with this own identity of the lead and this driver in the entitlement for deletes. */
function rulesWith(ownIdentity: string, driver = 'attach') {
  const row = `principals: {prod: {person:lead: ${ownIdentity}}}\nentitlements:`
  return parseRules(change('entitlements:', row).replace('[delete]', `[delete]\n    driver: ${driver}`))
}

/** Reads the eligibility of Ada, the lead, with a directory that finds these ids by any value. */
async function read(rules: ReturnType<typeof rulesWith>, ids: readonly string[]) {
  const questions: (readonly [DirectoryAttribute, string])[] = []
  async function idsWith(attribute: DirectoryAttribute, value: string) {
    questions.push([attribute, value])
    return ids
  }
  const attributes = { mail: 'ada@harbour.example', userPrincipalName: 'ada@harbour.example' }
  const ask = { scopes: [parseScope('s3://finance-reports/tmp/')], levels: ['delete'] as const }
  const who = { person: person(LEAD, { attributes }), groups: new Set<string>() }
  return { decision: await readEligibility({ rules, directory: { idsWith } }, who, ask), questions }
}

const SHARED = '{role: analyst, sessionName: mail}'

test('a name of sessions that the directory finds for this account alone is theirs', async () => {
  const { decision, questions } = await read(rulesWith(SHARED), [LEAD])
  expect(decision).toMatchObject({ eligible: true, ownIdentity: { sessionName: 'ada@harbour.example' } })
  expect(questions).toEqual([['mail', 'ada@harbour.example']])
})

test.each([
  ['for nobody', []],
  ['for another account', [BO]],
  ['for another account too', [LEAD, BO]],
  ['for two others', [ADA, BO]],
])('a name that the directory finds %s is no principal, and the reason names nobody', async (_who, ids) => {
  const { decision } = await read(rulesWith(SHARED), ids)
  expect(decision).toEqual({
    eligible: false,
    reason:
      'Sessions of the role analyst are called after mail, and the directory does not find the requester alone by that value.',
    mayAsk: [],
    tell: 'an owner of Latchkey',
  })
})

test.each([
  ['a sign-in name, which Entra gives once', rulesWith('{role: analyst, sessionName: userPrincipalName}')],
  ['a user, who has no sessions', rulesWith('{user: lead}')],
  ['a session that Latchkey itself names', rulesWith(SHARED, 'session')],
])('nothing is asked about %s', async (_what, rules) => {
  expect(await read(rules, [])).toMatchObject({ decision: { eligible: true }, questions: [] })
})
