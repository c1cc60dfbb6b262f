import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { InlinePolicies } from '../../../sandbox/aws/state.ts'
import { byOperator } from '../../../src/audit/events.ts'
import { awsDriver } from '../../../src/aws/driver.ts'
import { MEASURED_AS } from '../../../src/aws/session/assume-role.ts'
import { isLatchkeyError } from '../../../src/errors.ts'
import {
  readyAt,
  reconcileDueRole,
  renewEpoch,
  waitingAccounts,
  waitingRoles,
} from '../../../src/grants/recovery/epoch.ts'
import { DENY_POLICY, parseDenyDocument } from '../../../src/policies/deny-document.ts'
import { parseRules } from '../../../src/rules/file/parse-rules.ts'
import { newId } from '../../../src/store/ids.ts'
import { activateGrant } from '../../../workers/activate-grant.ts'
import { reconcileGrants } from '../../../workers/reconcile-grants.ts'
import { revokeGrant } from '../../../workers/revoke-grant.ts'
import { type DenyListUseCases, openDenyListUseCases } from '../../fixtures/deny-list.ts'
import { RECOVERY_RULES, RECOVERY_SEED } from '../../fixtures/recovery-rules.ts'

/** A record that lost its data. AWS still holds what the record does not know, and none of it may be used. */

const queue = { add: async () => undefined }

/** New for each test, because an adopted role refuses sessions until the last earlier vend must be over. */
let useCases: DenyListUseCases
beforeEach(async () => {
  useCases = await openDenyListUseCases('recover', { rules: RECOVERY_RULES, seed: RECOVERY_SEED })
})
afterEach(() => useCases.close())

function policies(): readonly string[] {
  const held = useCases.aws.state.users.get('finn')?.inline.current().keys() ?? []
  return [...held].filter((name) => name.startsWith('latchkey.'))
}

function warned(): readonly string[] {
  return useCases.fixture.lines.flatMap(({ level, msg }) => (level >= 40 ? [msg] : []))
}

/** Of each replica's Deny document, ms since 1970. */
function issuedBefore(): readonly number[] {
  const documents = ['prod', 'prod-2'].map((name) =>
    parseDenyDocument(useCases.aws.state.roles.get(name)?.inline.current().get(DENY_POLICY) ?? ''),
  )
  return documents.map((document) => Date.parse(document.issuedBefore))
}

const round = () => reconcileGrants({ ...useCases.deps, queue })

/** A live session, a session that was ended, and an attached policy. */
async function busyDay() {
  const live = await useCases.granted('rita')
  const kept = await useCases.vend(live)
  const ended = await useCases.granted('rita')
  const lost = await useCases.vend(ended)
  const attached = await useCases.granted('finn')
  expect((await useCases.grant(attached)).status).toBe('active')
  expect(policies()).toContain(`latchkey.${attached}`)
  expect(await useCases.canWrite(kept)).toBe(true)
  return { live, kept, ended, lost, attached, copy: await useCases.snapshot() }
}

test('after the record was emptied one round takes what is attached, refuses every session, and keeps refusing what was ended', async () => {
  const { deps, aws } = useCases
  const { kept, ended, lost, attached } = await busyDay()
  await useCases.revoked(ended)
  // A role that has no Deny document yet is no error.
  expect(warned()).toEqual([])
  await useCases.empty()
  const before = aws.journal.entries().length
  const asked = await useCases.approved('rita')
  await expect(activateGrant(deps, asked)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  expect(
    aws.journal
      .entries()
      .slice(before)
      .flatMap(({ action, parameters }) => (action === 'AssumeRole' ? [parameters.RoleSessionName] : [])),
  ).toEqual([MEASURED_AS])
  await round()
  expect(policies()).toEqual([])
  expect(await useCases.canWrite(kept)).toBe(false)
  expect(await useCases.canWrite(lost)).toBe(false)
  expect(useCases.isDenied(ended)).toBe(true)
  expect(await useCases.events('policy.taken-away')).toMatchObject([{ policy: `latchkey.${attached}` }])
  expect(warned()).toContain(
    'the record was lost or put back: every session of the role that was issued before is refused',
  )
  expect(warned()).toContain('a policy that no live grant explains was taken away')
})

describe('after the record was put back from an older copy, and `latchkey recover`', () => {
  test('nothing is granted before the round; then what was ended in between stays ended, in AWS and in the record', async () => {
    const { deps } = useCases
    const { live, kept, ended, lost, attached, copy } = await busyDay()
    await useCases.revoked(ended)
    await useCases.revoked(attached)
    expect(policies()).toEqual([])
    await useCases.restore(copy)
    await renewEpoch(deps, byOperator('olga'))
    await expect(useCases.vend(live)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(await waitingAccounts(deps)).toEqual(['prod'])
    await round()
    expect(await waitingAccounts(deps)).toEqual([])
    const from = await readyAt(deps)
    // The latest of both replicas: they may be written in different seconds.
    expect(from).toBe(Math.max(...issuedBefore()))
    const refused = await useCases.vend(live).catch((error: unknown) => error)
    if (!isLatchkeyError(refused, 'UNAVAILABLE')) throw refused
    expect(refused.facts.what).toBe('this account')
    // Not the default of five seconds.
    expect(refused.facts.retryAfterSeconds).toBeGreaterThan(5)
    expect(await readyAt(useCases.later(40_000))).toBeUndefined()
    expect(await useCases.canWrite(kept)).toBe(false)
    expect(await useCases.canWrite(lost)).toBe(false)
    expect(useCases.isDenied(ended)).toBe(true)
    for (const grantId of [ended, attached]) {
      expect((await useCases.grant(grantId)).status).toBe('revoking')
      await revokeGrant(deps, grantId)
    }
    expect(policies()).toEqual([])
    expect(await useCases.events('alarm.epoch-renewed')).toMatchObject([{ actor: { kind: 'operator', name: 'olga' } }])
  })

  test('an attach grant that the copy has still waiting is not attached again', async () => {
    const { deps } = useCases
    const waiting = await useCases.approved('finn')
    const copy = await useCases.snapshot()
    await activateGrant(deps, waiting)
    await useCases.restore(copy)
    expect((await useCases.grant(waiting)).status).toBe('activating')
    await renewEpoch(deps, byOperator('olga'))
    await round()
    await activateGrant(deps, waiting)
    expect(policies()).toEqual([])
    expect((await useCases.grant(waiting)).status).toBe('revoking')
  })

  test('an account is not called safe, and nothing is granted there, while something attached could not be taken', async () => {
    const { deps, aws } = useCases
    const attached = await useCases.granted('finn')
    await renewEpoch(deps, byOperator('olga'))
    aws.faults.fail({ action: 'DeleteUserPolicy' }, { code: 'AccessDenied', status: 403, times: 1 })
    await round()
    expect(policies()).toEqual([`latchkey.${attached}`])
    expect(await waitingAccounts(deps)).toEqual(['prod'])
    const asked = await useCases.approved('noor')
    await expect(activateGrant(deps, asked)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await round()
    expect(policies()).toEqual([])
    expect(await waitingAccounts(deps)).toEqual([])
  })
})

/** The same installation after the rules name another elevation role. */
function renamed(name = 'latchkey/prod-2') {
  const { deps, fixture } = useCases
  const rules = parseRules(RECOVERY_RULES.replace('latchkey/prod, copies: 2', name))
  return { ...deps, queue, rules, driver: awsDriver({ ...rules, part: 'workers', log: fixture.log }) }
}

describe('a role that the rules name no more', () => {
  test('after the record was emptied its sessions are refused too, within one round', async () => {
    const { kept, lost, ended } = await busyDay()
    await useCases.revoked(ended)
    await useCases.empty()
    await reconcileGrants(renamed())
    expect(await useCases.canWrite(kept)).toBe(false)
    expect(await useCases.canWrite(lost)).toBe(false)
    expect(useCases.isDenied(ended)).toBe(true)
  })

  test('`latchkey recover` is not done before AWS shows that it refuses them', async () => {
    const { deps, aws, role } = useCases
    const { kept } = await busyDay()
    await renewEpoch(deps, byOperator('olga'))
    aws.faults.fail(
      { action: 'PutRolePolicy', parameters: { RoleName: 'prod' } },
      { code: 'AccessDenied', status: 403, times: 1 },
    )
    await reconcileGrants(renamed())
    expect(await waitingAccounts(renamed())).toEqual([])
    expect(await waitingRoles(renamed())).toEqual([role.arn])
    await reconcileGrants(renamed())
    expect(await waitingRoles(renamed())).toEqual([])
    expect(await useCases.canWrite(kept)).toBe(false)
  })

  test('one of another Latchkey in the same account is left alone', async () => {
    const { role } = useCases
    const { kept } = await busyDay()
    role.trustPolicy = role.trustPolicy.replaceAll('user/latchkey-', 'user/staging-')
    await useCases.empty()
    await reconcileGrants(renamed())
    expect(await useCases.canWrite(kept)).toBe(true)
  })

  test('a Deny document that somebody took away there is put back, whatever became of its trust policy', async () => {
    const { role, aws } = useCases
    const { kept, lost, ended } = await busyDay()
    await useCases.revoked(ended)
    role.inline.delete(DENY_POLICY, aws.clock.now())
    role.trustPolicy = '{"Version":"2012-10-17","Statement":[]}'
    expect(await useCases.canWrite(lost)).toBe(true)
    await reconcileGrants(renamed())
    expect(await useCases.canWrite(lost)).toBe(false)
    expect(await useCases.canWrite(kept)).toBe(true)
  })

  test('one that cannot be read does not hide the others', async () => {
    const { aws, role } = useCases
    const { kept } = await busyDay()
    const other = { ...role, arn: `${role.arn}-old`, roleName: 'prod-old', inline: new InlinePolicies() }
    aws.state.roles.set('prod-old', other)
    await useCases.empty()
    const refused = { code: 'AccessDenied', status: 403, times: 1 }
    aws.faults.fail({ action: 'GetRolePolicy', parameters: { RoleName: 'prod-old' } }, refused)
    await reconcileGrants(renamed())
    expect(await useCases.canWrite(kept)).toBe(false)
  })

  test('one of which the rules name another path is one too', async () => {
    const { kept } = await busyDay()
    await useCases.empty()
    await reconcileGrants(renamed('latchkey/team/prod'))
    expect(await useCases.canWrite(kept)).toBe(false)
  })

  test('one that was deleted is let go, once nobody needs to be refused there', async () => {
    const { aws, roleKey } = useCases
    const { ended } = await busyDay()
    await useCases.revoked(ended)
    aws.state.roles.delete('prod')
    const { deps } = useCases
    await expect(reconcileDueRole({ ...deps, ...renamed() }, roleKey)).rejects.toMatchObject({ code: 'AWS_REFUSED' })
    const nextYear = Date.now() + 366 * 86_400_000
    vi.setSystemTime(nextYear)
    onTestFinished(() => void vi.useRealTimers())
    await reconcileDueRole({ ...renamed(), record: { ...deps.record, now: async () => nextYear } }, roleKey)
    expect(await useCases.events('deny.let-go')).toMatchObject([{ role: useCases.role.arn }])
    expect((await deps.record.due('roles', nextYear, 10)).map(({ id }) => id)).not.toContain(roleKey)
  })

  test('a grant that was tampered with is denied there too', async () => {
    const { live, kept } = await busyDay()
    await useCases.overwrite(live, (grant) => ({ ...grant, status: 'revoking', mac: 'forged' }))
    await revokeGrant(renamed(), live)
    expect(useCases.isDenied(live)).toBe(true)
    expect(await useCases.canWrite(kept)).toBe(false)
  })
})

test('live grants of an account that left the rules are called out in each round', async () => {
  const { deps, fixture } = useCases
  await useCases.granted('rita')
  await reconcileGrants({ ...deps, queue, rules: { ...deps.rules, accounts: new Map() } })
  const said =
    'grants are live in accounts that the rules do not name: put those back into the rules until they are over'
  expect(fixture.lines).toContainEqual(expect.objectContaining({ level: 50, msg: said, accounts: ['111122223333'] }))
})

test('a policy that nothing in the record explains goes within a round, whoever put it there', async () => {
  const { aws, record } = useCases
  const stray = `latchkey.${newId('g')}`
  aws.state.users.get('finn')?.inline.put(stray, '{}', aws.clock.now())
  aws.clock.advance(15 * 60_000)
  const later = useCases.later(15 * 60_000)
  await reconcileGrants({ ...later, queue })
  expect(policies()).toEqual([])
  expect(await record.epoch()).toBe(useCases.denyDocument().epoch)
})
