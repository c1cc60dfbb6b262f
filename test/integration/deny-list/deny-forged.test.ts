import { afterAll, afterEach, describe, expect, test } from 'vitest'
import type { Role } from '../../../sandbox/aws/state.ts'
import { awsDriver } from '../../../src/aws/driver.ts'
import type { Grant } from '../../../src/grants/grant.ts'
import { type SessionPrincipal, sessionUserId } from '../../../src/grants/principal.ts'
import { checkEpoch } from '../../../src/grants/recovery/epoch.ts'
import { DENY_POLICY, parseDenyDocument } from '../../../src/policies/deny-document.ts'
import { newId } from '../../../src/store/ids.ts'
import { revokeGrant } from '../../../workers/revoke-grant.ts'
import { openDenyListUseCases, snapshotGrant } from '../../fixtures/deny-list.ts'

/** What an attacker with `redis-cli` can write while people end their grants. */

const useCases = await openDenyListUseCases('forged-denials', { seed: { replicas: 2 } })
const { deps, aws, redis, principal, role, roleKey } = useCases
const denyKey = useCases.key('deny', roleKey)

afterEach(() => aws.faults.clear())
afterAll(() => useCases.close())

const DAY_MS = 86_400_000
const PAST = '2026-01-01T00:00:00.000Z'
const FAR = '2099-01-01T00:00:00.000Z'

type Denied = readonly { readonly userid: string; readonly until: string }[]

const FORGERIES: readonly (readonly [string, (denied: Denied) => Denied])[] = [
  ['every end moved into the past', (denied) => denied.map((one) => ({ ...one, until: PAST }))],
  ['nobody denied', () => []],
  ['an id that no document can carry', (denied) => [...denied, { userid: 'x', until: FAR }]],
  [
    'more ids than a document can carry',
    (denied) => [
      ...denied,
      ...Array.from({ length: 300 }, () => ({ userid: sessionUserId(principal, newId('g')), until: FAR })),
    ],
  ],
]

test.each(FORGERIES)('a forged list (%s) changes nothing in AWS, and holds no early end up', async (_name, forge) => {
  const ended = await useCases.revoked(await useCases.granted())
  const ending = await useCases.granted()
  const kept = await useCases.vend(ending)
  const before = useCases.denyDocument().denied
  const known = JSON.parse((await redis.hget(denyKey, 'json')) ?? '')
  await redis.hset(denyKey, 'json', JSON.stringify({ ...known, denied: forge(known.denied) }))
  await checkEpoch(deps)
  expect(useCases.denyDocument().denied).toEqual(before)
  await useCases.revoked(ending)
  expect(await useCases.canWrite(kept)).toBe(false)
  expect(useCases.isDenied(ended)).toBe(true)
  expect(useCases.denyDocument().denied).toHaveLength(before.length + 1)
})

type Tamper = (grant: Grant) => Grant

function withPrincipal(changes: Partial<SessionPrincipal>): Tamper {
  return (grant) => ({ ...grant, terms: { ...grant.terms, principal: { ...principal, ...changes } } })
}

const TAMPERED: readonly (readonly [string, Tamper])[] = [
  ["the role's id", withPrincipal({ roleId: 'AROAANOTHERROLE' })],
  ['the role', withPrincipal({ roleArn: `arn:aws:iam::${principal.account}:role/latchkey/another` })],
  ['the account', withPrincipal({ account: '999999999999' })],
  ['its end', (grant) => ({ ...grant, endsAt: new Date(Date.now() + DAY_MS).toISOString() })],
  ['its scope', (grant) => ({ ...grant, terms: { ...grant.terms, scopes: ['s3://finance-reports/'] } })],
]

test.each(TAMPERED)(
  'a live grant of which somebody changed %s is refused by AWS once it is called revoked',
  async (_name, tamper) => {
    const grantId = await useCases.granted()
    const kept = await useCases.vend(grantId)
    await useCases.overwrite(grantId, tamper)
    await useCases.revoked(grantId)
    expect(await useCases.canWrite(kept)).toBe(false)
  },
)

test('what was tampered with stays refused as long as a true copy of it could be put back', async () => {
  const grantId = await useCases.granted()
  await useCases.lengthen(grantId, 8 * 60)
  const kept = await useCases.vend(grantId)
  const putBack = await snapshotGrant(useCases, grantId)
  await useCases.overwrite(grantId, withPrincipal({ roleId: 'AROAANOTHERROLE' }))
  await useCases.revoked(grantId)
  await putBack()
  await checkEpoch(useCases.later(9 * 3_600_000))
  expect(await useCases.canWrite(kept)).toBe(false)
  expect((await useCases.grant(grantId)).status).toBe('revoking')
})

describe('where there are several roles', () => {
  const second = aws.state.roles.get('prod-2')
  if (!second) throw new Error('The sandbox was seeded without a second role.')
  const [first] = [...deps.rules.accounts.values()]
  if (!first) throw new Error('The rules name no account.')
  const accounts = new Map([
    ...deps.rules.accounts,
    ['prod-2', { ...first, name: 'prod-2', elevationRole: 'latchkey/prod-2' }],
  ])
  const rules = { ...deps.rules, accounts }
  // Two accounts with one number, which no rules file may have. Neither may treat the other's role as a former role.
  const driver = { ...awsDriver({ ...rules, part: 'workers', log: useCases.fixture.log }), formerRoles: async () => [] }
  const both = { ...deps, rules, driver }
  const refuse = (RoleName: string) =>
    aws.faults.fail(
      { action: 'PutRolePolicy', parameters: { RoleName } },
      { code: 'AccessDenied', status: 403, times: Number.POSITIVE_INFINITY },
    )
  const denied = (one: Role) => parseDenyDocument(one.inline.current().get(DENY_POLICY) ?? '').denied

  test.each([
    [role, second],
    [second, role],
  ])(
    'a grant that was tampered with is denied on each, though one fails, and called revoked only after all',
    async (failing, other) => {
      await checkEpoch(both)
      const grantId = await useCases.ending(await useCases.granted())
      await useCases.overwrite(grantId, withPrincipal({ roleId: 'AROAANOTHERROLE' }))
      refuse(failing.roleName)
      await expect(revokeGrant(both, grantId)).rejects.toMatchObject({ code: 'AWS_REFUSED' })
      expect((await useCases.grant(grantId)).status).toBe('revoking')
      expect(denied(other)).toContain(`${other.roleId}:${grantId}`)
      aws.faults.clear()
      await revokeGrant(both, grantId)
      expect((await useCases.grant(grantId)).status).toBe('revoked')
      expect(denied(failing)).toContain(`${failing.roleId}:${grantId}`)
    },
  )

  test.each([
    [role, second],
    [second, role],
  ])(
    'a grant that was tampered with is denied where AWS answers, though it does not for another account',
    async (silent, other) => {
      await checkEpoch(both)
      const grantId = await useCases.ending(await useCases.granted())
      await useCases.overwrite(grantId, withPrincipal({ roleId: 'AROAANOTHERROLE' }))
      const RoleName = silent.roleName
      aws.faults.fail(
        { action: 'GetRole', parameters: { RoleName } },
        { code: 'ServiceUnavailable', status: 503, times: Number.POSITIVE_INFINITY },
      )
      await expect(revokeGrant(both, grantId)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
      expect((await useCases.grant(grantId)).status).toBe('revoking')
      expect(denied(other)).toContain(`${other.roleId}:${grantId}`)
      aws.faults.clear()
      await revokeGrant(both, grantId)
      expect((await useCases.grant(grantId)).status).toBe('revoked')
      expect(denied(silent)).toContain(`${silent.roleId}:${grantId}`)
    },
  )

  test.each([
    [role, second],
    [second, role],
  ])('one that fails does not keep the others from being looked at', async (failing, other) => {
    await checkEpoch(both)
    for (const one of [failing, other]) one.inline.delete(DENY_POLICY, aws.clock.now())
    refuse(failing.roleName)
    await expect(checkEpoch(both)).rejects.toMatchObject({ code: 'AWS_REFUSED' })
    expect(other.inline.current().has(DENY_POLICY)).toBe(true)
    expect(failing.inline.current().has(DENY_POLICY)).toBe(false)
    aws.faults.clear()
    await checkEpoch(both)
    expect(failing.inline.current().has(DENY_POLICY)).toBe(true)
  })
})
