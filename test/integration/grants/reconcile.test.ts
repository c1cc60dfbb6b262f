import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { PEOPLE } from '../../../sandbox/entra/fixture.ts'
import { sessionUserId } from '../../../src/grants/principal.ts'
import { checkEpoch } from '../../../src/grants/recovery/epoch.ts'
import { httpMetrics, measureReconciler } from '../../../src/http/metrics.ts'
import { DENY_POLICY, parseDenyDocument } from '../../../src/policies/deny-document.ts'
import { newId } from '../../../src/store/ids.ts'
import { reconcileGrants } from '../../../workers/reconcile-grants.ts'
import { revokeGrant } from '../../../workers/revoke-grant.ts'
import { type Deps, openDenyListUseCases } from '../../fixtures/deny-list.ts'
import { RECOVERY_RULES } from '../../fixtures/recovery-rules.ts'

const MINUTE_MS = 60_000

/** Two IAM entities, of which one has no grants. */
const RULES = RECOVERY_RULES.replace(`finn: ${PEOPLE.finn}`, `finn: ${PEOPLE.finn}, nils: ${PEOPLE.nils}`).replace(
  'person:finn: { user: finn }',
  'person:finn: { user: finn }\n    person:nils: { user: nils }',
)
const entities = [
  { kind: 'user', name: 'finn' },
  { kind: 'user', name: 'nils' },
] as const

const useCases = await openDenyListUseCases('reconcile', { rules: RULES, seed: { replicas: 2, entities } })
const { deps, aws, role, record, redis, principal } = useCases
const queue = { add: async () => undefined }
const second = aws.state.roles.get('prod-2')
if (second === undefined) throw new Error('The sandbox was seeded without a copy of the role.')
afterEach(() => aws.faults.clear())
afterAll(() => useCases.close())

const round = (at: Deps = deps) => reconcileGrants({ ...at, queue })

/** The names of the calls about one user since then. */
function callsAbout(userName: string, since: number): readonly string[] {
  const seen = aws.journal.entries().slice(since)
  return seen.filter(({ parameters }) => parameters.UserName === userName).map(({ action }) => action)
}

async function lookedInRound(at: Deps): Promise<Readonly<Record<'finn' | 'nils', readonly string[]>>> {
  const since = aws.journal.entries().length
  await round(at)
  return { finn: callsAbout('finn', since), nils: callsAbout('nils', since) }
}

async function age(): Promise<string | undefined> {
  const metrics = httpMetrics()
  measureReconciler(metrics, record, deps.rules.accounts)
  return /latchkey_reconcile_age_seconds\{account="prod"\} (\S+)/.exec(await metrics.registry.metrics())?.[1]
}

describe('a round', () => {
  test('says when it last found the whole account in order; before the first one there is no such time', async () => {
    expect(await age()).toBe('+Inf')
    aws.faults.fail(
      { action: 'GetRolePolicy', parameters: { RoleName: 'prod-2' } },
      { code: 'AccessDenied', status: 403, times: 2 },
    )
    await round()
    expect(await age()).toBe('+Inf')
    aws.faults.clear()
    await round()
    expect(Number(await age())).toBeLessThan(60)
  })

  test('looks at who had a grant within the day each time, at everybody within a quarter of an hour, at documents within the hour', async () => {
    await useCases.granted('finn')
    const minute = (n: number) => lookedInRound(useCases.later(n * MINUTE_MS))
    // A full round before the test, also when it runs alone, as under its mutants.
    await minute(0)
    const first = await minute(1)
    expect(first.finn).toContain('ListUserPolicies')
    expect(first.finn).not.toContain('GetUserPolicy')
    expect(first.nils).toEqual([])
    const quarter = await minute(15)
    expect(quarter.nils).toContain('ListUserPolicies')
    expect(quarter.finn).not.toContain('GetUserPolicy')
    const hour = await minute(61)
    expect(hour.finn).toContain('GetUserPolicy')
  })

  test('puts back the Deny of every copy, though another copy fails and a person cannot be looked at', async () => {
    for (const one of [role, second]) one.inline.delete(DENY_POLICY, aws.clock.now())
    const times = Number.POSITIVE_INFINITY
    const failure = { code: 'AccessDenied', status: 403, times }
    aws.faults.fail({ action: 'PutRolePolicy', parameters: { RoleName: 'prod' } }, failure)
    aws.faults.fail({ action: 'ListUserPolicies', parameters: { UserName: 'finn' } }, failure)
    const since = aws.journal.entries().length
    await round(useCases.later(200 * MINUTE_MS))
    expect(second.inline.current().has(DENY_POLICY)).toBe(true)
    expect(callsAbout('nils', since)).toContain('ListUserPolicies')
    aws.faults.clear()
    await round()
    expect(role.inline.current().has(DENY_POLICY)).toBe(true)
  })

  test('that hangs at one person looks at the others all the same', async () => {
    const held = aws.faults.hold({ action: 'ListUserPolicies', parameters: { UserName: 'finn' } }, { when: 'before' })
    const since = aws.journal.entries().length
    const going = round(useCases.later(400 * MINUTE_MS))
    await held.arrived
    await expect.poll(() => callsAbout('nils', since), { timeout: 10_000 }).toContain('ListUserPolicies')
    held.release()
    await going
  })

  test('made by two processes at once writes what is missing once', async () => {
    role.inline.delete(DENY_POLICY, aws.clock.now())
    const before = useCases.calls('PutRolePolicy')
    await Promise.all([round(), round(), checkEpoch(deps)])
    expect(useCases.calls('PutRolePolicy') - before).toBe(1)
    expect(role.inline.current().has(DENY_POLICY)).toBe(true)
  })
})

describe('what AWS denies and the record does not know', () => {
  test('and the record can explain (the answer of our write was lost) leaves when its grant no longer needs it', async () => {
    const grantId = await useCases.ending(await useCases.granted('rita'))
    const held = aws.faults.hold({ action: 'PutRolePolicy' })
    const revoked = revokeGrant(deps, grantId)
    await held.arrived
    const down = { code: 'ServiceUnavailable', status: 503, times: Number.POSITIVE_INFINITY }
    for (const action of ['PutRolePolicy', 'GetRolePolicy']) aws.faults.fail({ action }, down)
    held.drop()
    await expect(revoked).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    aws.faults.clear()
    expect(useCases.isDenied(grantId)).toBe(true)
    await round()
    await revokeGrant(deps, grantId)
    // The hour in which its approval may be activated, its duration, and the margin.
    const needed = 60 + 30 + 5
    await checkEpoch(useCases.later((needed - 1) * MINUTE_MS))
    expect(useCases.isDenied(grantId)).toBe(true)
    await checkEpoch(useCases.later((needed + 1) * MINUTE_MS))
    expect(useCases.isDenied(grantId)).toBe(false)
  })

  test('takes places: with what is live on a copy it never comes to more than can be denied, and then the next copy is filled', async () => {
    // Live grants and denied ids together fill the replica; neither alone does.
    for (let asks = 1; asks <= 3; asks += 1) await useCases.ask('nils')
    const held = parseDenyDocument(role.inline.current().get(DENY_POLICY) ?? '')
    const live = await redis.zcount(useCases.key('index', 'on-role', useCases.roleKey), Date.now(), '+inf')
    const room = 150 - live
    const byHand = Array.from({ length: room }, () => sessionUserId(principal, newId('g')))
    await deps.driver.writeDeny(principal, { ...held, denied: [...held.denied, ...byHand] })
    await round()
    expect(useCases.denyDocument().denied.length).toBeLessThan(150)
    expect((await useCases.ask('rita')).principal).toMatchObject({ driver: 'session', roleArn: second.arn })
  })
})
