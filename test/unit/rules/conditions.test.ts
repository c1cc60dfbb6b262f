import { describe, expect, test } from 'vitest'
import { parseRules } from '../../../src/rules/file/parse-rules.ts'
import { change, faultsOf } from './a-rules-file.ts'

/** The rules of the tests with these lines in the second entitlement. */
function cleanUp(...lines: readonly string[]): string {
  return change('levels: [delete]', lines.map((line, index) => (index === 0 ? line : `    ${line}`)).join('\n'))
}

function problems(text: string): readonly string[] {
  return faultsOf(text).map(({ key, problem }) => `${key}: ${problem}`)
}

const at = 'entitlements[1].conditions'

describe('conditions of an entitlement', () => {
  test('are read as they are written', () => {
    const rules = parseRules(
      cleanUp('levels: [read]', 'conditions: {sourceIps: [203.0.113.0/24, "2001:db8::/32"], mfa: true}'),
    )
    expect(rules.entitlements[1]?.conditions).toEqual({ sourceIps: ['203.0.113.0/24', '2001:db8::/32'], mfa: true })
    const tagged = parseRules(cleanUp('levels: [read]', 'conditions: {objectTag: {key: class, value: public}}'))
    expect(tagged.entitlements[1]?.conditions).toEqual({ objectTag: { key: 'class', value: 'public' } })
    const inside = parseRules(cleanUp('levels: [delete]', 'conditions: {vpcEndpoints: [vpce-0a1b2c3d]}'))
    expect(inside.entitlements[1]?.conditions).toEqual({ vpcEndpoints: ['vpce-0a1b2c3d'] })
  })

  test.each([
    '203.0.113.0',
    '203.0.113.0/0',
    '203.0.113.0/33',
    '203.0.113/24',
    '2001:db8::/129',
    '::/0',
    'a.b/24',
    '203.0.113.0/024',
  ])('%s is no block of addresses', (block) => {
    const [first, ...others] = problems(cleanUp('levels: [delete]', `conditions: {sourceIps: ["${block}"]}`))
    expect(first).toBe(
      `${at}.sourceIps[0]: Expected a block of addresses, as 203.0.113.0/24 or 2001:db8::/32, found ${block}.`,
    )
    expect(others).toEqual([])
  })

  test('that no request can meet are refused', () => {
    const both = 'conditions: {sourceIps: [203.0.113.0/24], vpcEndpoints: [vpce-0a1b2c3d]}'
    expect(problems(cleanUp('levels: [delete]', both))).toEqual([
      expect.stringMatching(/^entitlements\[1\]\.conditions\.vpcEndpoints: No request has both/),
    ])
  })

  test('that ask for nothing, or for one thing twice, are refused', () => {
    expect(problems(cleanUp('levels: [delete]', 'conditions: {}'))).toEqual([
      `${at}: No condition is named here. Name one, or remove \`conditions\`.`,
    ])
    const twice = 'conditions: {sourceIps: [203.0.113.0/24, 203.0.113.0/24]}'
    expect(problems(cleanUp('levels: [delete]', twice))).toEqual([expect.stringMatching(/is here twice/)])
  })

  test.each(['tag', 'write', 'delete', 'purge'])('a tag together with the level %s is refused', (level) => {
    const lines = [`levels: [read, ${level}]`, 'conditions: {objectTag: {key: class, value: public}}']
    expect(problems(cleanUp(...lines))).toEqual([
      `${at}.objectTag: S3 asks for the tag of an object only when it is read. Keep the level read alone, without ${level}.`,
    ])
  })

  test.each(['[group:finance]', '[group:owners]', '[person:lead]'])(
    'a tag is refused where another entitlement lets people change the tags: %s',
    (who) => {
      const tagged = cleanUp('levels: [read]', 'conditions: {objectTag: {key: class, value: public}}')
      const tagger = tagged.replace(
        /who: .*(\n.*)\n {4}levels: \[read\]\n {4}duration: \{default: 1h/,
        `who: ${who}$1\n    levels: [tag]\n    duration: {default: 1h`,
      )
      expect(problems(tagger)).toEqual([
        `${at}.objectTag: Entitlement long-read lets people change the tags of these objects: who has both chooses what they read.`,
      ])
      expect(problems(tagged)).toEqual([])
      expect(problems(tagger.replace('[s3://finance-reports/]', '[s3://payroll/]'))).toEqual([])
    },
  )

  test('a second factor is refused with the driver attach, where AWS cannot see it', () => {
    const text = cleanUp('levels: [delete]', 'driver: attach', 'conditions: {mfa: true}').replace(
      'entitlements:',
      'principals: {prod: {person:lead: {user: lead}}}\nentitlements:',
    )
    expect(problems(text)).toEqual([expect.stringMatching(/conditions\.mfa: With the driver attach/)])
  })
})

describe('who holds grants of the driver attach', () => {
  const withPrincipals = (rows: string) => change('entitlements:', `principals: {prod: ${rows}}\nentitlements:`)

  test('is a role with the name of its sessions, or a user', () => {
    const rules = parseRules(
      withPrincipals('{group:finance: {role: analyst, sessionName: mail}, person:lead: {user: lead}}'),
    )
    expect(rules.principals.get('prod')).toMatchObject([
      { kind: 'role', name: 'analyst', sessionName: 'mail' },
      { kind: 'user', name: 'lead' },
    ])
  })

  test.each([
    ['{group:finance: {}}', /either `role` and `sessionName`, or `user`/],
    ['{person:lead: {role: a, user: b, sessionName: mail}}', /either `role` and `sessionName`, or `user`/],
    ['{group:finance: {role: analyst}}', /Many share a role/],
    ['{person:lead: {user: lead, sessionName: mail}}', /A user has no sessions/],
    ['{group:finance: {user: robot}}', /A user is one person/],
    ['{group:finanze: {role: a, sessionName: mail}}', /`groups` does not name finanze/],
    ['{group:finance: {role: AWSReservedSSO_Admin_1a, sessionName: mail}}', /role of IAM Identity Center/],
    ['{group:finance: {role: prod, sessionName: mail}}', /prod is an elevation role of Latchkey/],
    ['{group:finance: {role: Prod, sessionName: mail}}', /Prod is an elevation role of Latchkey/],
    ['{group:finance: {role: analyst, sessionName: displayName}}', /one of mail, userPrincipalName/],
  ])('%s is refused', (rows, problem) => {
    expect(problems(withPrincipals(rows))).toContainEqual(expect.stringMatching(problem))
  })

  test.each(['shared', 'Shared'])('one user of two people is refused, as %s too', (name) => {
    const text = withPrincipals(`{person:lead: {user: shared}, person:bo: {user: ${name}}}`).replace(
      'people: {',
      'people: {bo: bbbbbbbb-0000-4000-8000-00000000000b, ',
    )
    expect(problems(text).filter((one) => one.includes('a user is one person'))).toHaveLength(2)
  })

  test('a role whose sessions are called after one attribute of some and another of others is refused', () => {
    const rows = (role: string, attribute: string) =>
      withPrincipals(
        `{group:finance: {role: analyst, sessionName: mail}, person:lead: {role: ${role}, sessionName: ${attribute}}}`,
      )
    const refused = expect.stringMatching(/called after one attribute/)
    expect(problems(rows('analyst', 'userPrincipalName'))).toContainEqual(refused)
    expect(problems(rows('Analyst', 'userPrincipalName'))).toContainEqual(refused)
    expect(problems(rows('Analyst', 'mail'))).toContainEqual(refused)
    expect(problems(rows('analyst', 'mail'))).toEqual([])
  })

  test('is named in every account of the scopes, and in no account that is not there', () => {
    expect(problems(cleanUp('levels: [delete]', 'driver: attach'))).toEqual([
      'entitlements[1].driver: `principals` names nobody in account prod, where these scopes are.',
    ])
    const elsewhere = change('entitlements:', 'principals: {test: {person:lead: {user: lead}}}\nentitlements:')
    expect(problems(elsewhere)).toEqual(['principals.test: `accounts` does not name test. It names prod.'])
  })
})

describe('roles and keys of an account', () => {
  const account = (written: string) => change('elevationRole: latchkey/prod}', `elevationRole: latchkey/${written}}`)
  const hub = (role: string, reader: string) =>
    account(`prod, copies: 3, hub: {role: latchkey/${role}, reader: latchkey/${reader}, externalId: 0123456789abcdef}`)

  test('have names of their own, the numbered copies and the hub included', () => {
    expect(parseRules(hub('hub', 'hub-reader')).accounts.get('prod')).toMatchObject({
      copies: 3,
      hub: { role: 'latchkey/hub' },
    })
    for (const name of ['prod-3', 'Prod-3'])
      expect(problems(hub(`x/${name}`, 'hub-reader'))).toEqual([
        expect.stringContaining(`hub.role: Another role of this account has the name ${name}`),
      ])
    expect(problems(hub('hub', 'y/hub'))).toEqual([
      expect.stringMatching(/hub\.reader: Another role of this account has the name hub/),
    ])
  })

  test('have names that IAM takes, the last copy included', () => {
    const name = 'a'.repeat(63)
    expect(problems(account(name))).toEqual([])
    expect(problems(account(`${name}, copies: 2`))).toEqual([
      expect.stringMatching(/The name of its last copy, a+-2, has 65 characters; IAM takes 64/),
    ])
  })

  test('a hub without its external id is refused, and so is a short one', () => {
    const without = account('prod, hub: {role: latchkey/hub, reader: latchkey/hub-reader}')
    expect(problems(without)).toEqual([expect.stringMatching(/hub\.externalId: This key is missing/)])
    const short = account('prod, hub: {role: latchkey/hub, reader: latchkey/hub-reader, externalId: short}')
    expect(problems(short)).toEqual([expect.stringMatching(/hub\.externalId: Expected 16 to 1224/)])
  })

  test('a key of another region is refused: S3 could not use it', () => {
    const key = (region: string) =>
      change(
        'region: eu-west-1, owners',
        `region: eu-west-1, kmsKey: "arn:aws:kms:${region}:111122223333:key/1234abcd", owners`,
      )
    expect(problems(key('eu-west-1'))).toEqual([])
    expect(problems(key('us-east-1'))).toEqual([expect.stringMatching(/kmsKey: Expected a key in eu-west-1/)])
  })

  test('that a bucket uses bucket keys is said, or not', () => {
    const bucketKeyIn = (text: string) => parseRules(text).buckets.get('finance-reports')?.bucketKey
    expect(bucketKeyIn(change('region: eu-west-1, owners', 'region: eu-west-1, bucketKey: true, owners'))).toBe(true)
    expect(bucketKeyIn(change('region: eu-west-1, owners', 'region: eu-west-1, owners'))).toBeUndefined()
  })
})
