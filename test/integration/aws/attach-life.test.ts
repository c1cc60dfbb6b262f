import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { listByPrincipalId, listRecentEntities } from '../../../src/grants/attach/find-on-entity.ts'
import { detachAll, reconcileDueEntity } from '../../../src/grants/attach/reconcile-entity.ts'
import { policyNameOf } from '../../../src/grants/iam-entity.ts'
import { activateGrant } from '../../../workers/activate-grant.ts'
import { revokeGrant } from '../../../workers/revoke-grant.ts'
import { trustOf } from '../../fixtures/attach-driver.ts'
import { ANYTHING, type AttachOffice, attachPrincipalOf, openAttachOffice } from '../../fixtures/attach-use-cases.ts'
import { DENIED_ON } from '../../unit/grants/a-grant.ts'

/** DESIGN §2.1, §2.5, §2.8: grants on a shared role from the approval to the removal of the policy, and every reconciliation of that role. */

let office: AttachOffice
beforeAll(async () => {
  office = await openAttachOffice('attach')
})
afterAll(() => office.close())
beforeEach(async () => {
  office.aws.faults.clear()
  office.shared.trustPolicy = trustOf(office.aws.state.account)
  for (const id of office.held()) office.takeByHand(policyNameOf(id))
  await office.look()
})

const statusOf = async (id: string) => (await office.grant(id)).status
const endOf = async (id: string) => (await office.grant(id)).end
const takenAway = async (policy: string) =>
  (await office.events('policy.taken-away')).filter((event) => 'policy' in event && event.policy === policy)
const dueAt = async (id: string) => {
  const due = await office.record.due('targets', (await office.record.now()) + 3_600_000, 1_000)
  return due.find((entry) => entry.id === id)?.at
}
/** Moves the end of the grant this far into the past. */
const endedBefore = (id: string, milliseconds: number) =>
  office.overwrite(id, (grant) => ({
    ...grant,
    endedAt: new Date(Date.parse(grant.endedAt ?? '') - milliseconds).toISOString(),
  }))

describe('a grant on the person’s own role', () => {
  it('is one policy there, from the yes to its end', async () => {
    const id = await office.grantedOn()
    expect(await statusOf(id)).toBe('active')
    expect(office.held()).toEqual([id])
    expect(await office.rita.put('2026/a')).toBe('done')
    expect(await office.finn.put('2026/a')).toBe('AccessDenied')
    await office.revoked(id)
    expect(await statusOf(id)).toBe('revoked')
    expect(office.held()).toEqual([])
    expect(await office.rita.put('2026/a')).toBe('AccessDenied')
  })

  it('is found by its target and its principal before AWS is asked for anything', async () => {
    const id = await office.approvedOn()
    const putting = office.aws.faults.hold({ action: 'PutRolePolicy' }, { when: 'before' })
    const activating = activateGrant(office.deps, id)
    await putting.arrived
    const { userid } = attachPrincipalOf(await office.grant(id))
    expect(await listByPrincipalId(office.record, userid, await office.record.now())).toContain(id)
    expect(await listRecentEntities(office.record)).toContainEqual(office.target)
    putting.release()
    await activating
    await office.revoked(id)
  })

  it('that AWS refuses is revoked, with the numbers of a full quota', async () => {
    const id = await office.approvedOn()
    const filler = JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: 's3:GetObject', Resource: `arn:aws:s3:::${'a'.repeat(9_500)}` }],
    })
    office.putByHand('filler', filler)
    await activateGrant(office.deps, id)
    office.takeByHand('filler')
    expect(await endOf(id)).toMatchObject({ cause: 'activation-failed' })
    const asked = (await office.events('grant.end-asked')).find((event) => 'grantId' in event && event.grantId === id)
    expect(asked).toMatchObject({ detail: expect.stringMatching(/10240 characters; \d+ are taken/) })
    await revokeGrant(office.deps, id)
  })

  it('is called expired on time, though AWS cannot be asked, and its policy is tidied away after', async () => {
    const id = await office.grantedOn()
    await office.overwrite(id, (grant) => ({ ...grant, endsAt: '2026-01-01T00:00:00.000Z' }))
    office.aws.faults.fail({ action: 'DeleteRolePolicy' }, { code: 'ServiceFailure', status: 503, times: 3 })
    await revokeGrant(office.deps, id)
    expect(await statusOf(id)).toBe('expired')
    await expect(reconcileDueEntity(office.deps, id)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(await dueAt(id)).toBeDefined()
    expect(office.held()).toEqual([id])
    await reconcileDueEntity(office.deps, id)
    expect(office.held()).toEqual([])
    expect(await dueAt(id)).toBeUndefined()
    expect(await takenAway(policyNameOf(id))).toMatchObject([{ found: 'over' }])
  })

  it('ended early is looked for again after 10 and 60 seconds: a put whose answer was lost may land late', async () => {
    const id = await office.grantedOn()
    const late = office.shared.inline.current().get(policyNameOf(id)) ?? ''
    await office.revoked(id)
    const endedAt = Date.parse((await office.grant(id)).endedAt ?? '')
    expect(await dueAt(id)).toBe(endedAt + 10_000)
    await endedBefore(id, 10_000)
    office.putByHand(policyNameOf(id), late)
    await reconcileDueEntity(office.deps, id)
    expect(office.held()).toEqual([])
    expect(await dueAt(id)).toBe(endedAt + 50_000)
    await endedBefore(id, 60_000)
    office.putByHand(policyNameOf(id), late)
    await reconcileDueEntity(office.deps, id)
    expect(office.held()).toEqual([])
    expect(await dueAt(id)).toBeUndefined()
    expect(await takenAway(policyNameOf(id))).toHaveLength(2)
  })

  it('is not called revoked while its policy is still there', async () => {
    const id = await office.grantedOn()
    office.aws.faults.fail({ action: 'DeleteRolePolicy' }, { code: 'ServiceFailure', status: 503, times: 3 })
    await office.ending(id)
    await expect(revokeGrant(office.deps, id)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(await statusOf(id)).toBe('revoking')
    await revokeGrant(office.deps, id)
    expect(await statusOf(id)).toBe('revoked')
  })

  it('that was tampered with is taken from everybody who could have it, whatever it says of its holder', async () => {
    const id = await office.grantedOn()
    const elsewhere = {
      driver: 'attach',
      account: '111122223333',
      arn: 'arn:aws:iam::111122223333:role/other',
      userid: 'AROAX:x',
      deniedOn: DENIED_ON,
    } as const
    await office.overwrite(id, (grant) => ({ ...grant, terms: { ...grant.terms, principal: elsewhere } }))
    await office.revoked(id)
    expect(office.held()).toEqual([])
    expect(await office.rita.put('2026/a')).toBe('AccessDenied')
    expect(office.denied().denied).toContain(`${office.role.roleId}:${id}`)
  })
})

describe('a look at a role', () => {
  it('takes away every policy of ours that no live grant explains, and says so', async () => {
    const kept = await office.grantedOn()
    const other = await office.grantedOn('finn')
    office.putByHand('latchkey.g-00000000zzzz')
    office.putByHand('latchkey.anything')
    office.putByHand('filler')
    expect(await office.look()).toBe('looked')
    expect(office.held()).toEqual([kept, other].sort())
    expect(await takenAway('latchkey.g-00000000zzzz')).toMatchObject([{ found: 'unknown' }])
    expect(await takenAway('latchkey.anything')).toMatchObject([{ found: 'unknown' }])
    expect(office.shared.inline.current().has('filler')).toBe(true)
    office.takeByHand('filler')
  })

  it('takes away the policy of a grant that is on another holder', async () => {
    const session = await office.granted()
    office.putByHand(policyNameOf(session))
    await office.look()
    expect(office.held()).toEqual([])
    expect(await takenAway(policyNameOf(session))).toMatchObject([{ found: 'other-principal' }])
  })

  it('leaves alone what is being activated and what is being revoked', async () => {
    const id = await office.approvedOn()
    const putting = office.aws.faults.hold({ action: 'PutRolePolicy' })
    const activating = activateGrant(office.deps, id)
    await putting.arrived
    await office.look(true)
    expect(office.held()).toEqual([id])
    putting.release()
    await activating
    expect(await statusOf(id)).toBe('active')
    await office.ending(id)
    await office.look(true)
    expect(office.held()).toEqual([id])
    expect((await endOf(id))?.cause).toBe('done')
  })

  it('ends a live grant whose policy somebody took away, and does not put it back', async () => {
    const id = await office.grantedOn()
    office.takeByHand(policyNameOf(id))
    await office.look()
    expect(await endOf(id)).toMatchObject({ cause: 'changed-in-aws' })
    await revokeGrant(office.deps, id)
    await office.look()
    expect(office.held()).toEqual([])
  })

  it('ends a live grant whose policy somebody changed, when documents are compared', async () => {
    const [changed, whole] = [await office.grantedOn(), await office.grantedOn('rita', { levels: ['delete'] })]
    office.putByHand(policyNameOf(changed), ANYTHING)
    await office.look()
    expect(await statusOf(changed)).toBe('active')
    await office.look(true)
    expect(await endOf(changed)).toMatchObject({ cause: 'changed-in-aws' })
    expect(await statusOf(whole)).toBe('active')
    await revokeGrant(office.deps, changed)
    expect(await office.rita.put('2025/a')).toBe('AccessDenied')
  })

  it('ends live grants on a role that lets people in under names of their own choice', async () => {
    const ids = [await office.grantedOn(), await office.grantedOn('finn')]
    office.shared.trustPolicy = trustOf(office.aws.state.account, { Condition: {} })
    await office.look()
    for (const id of ids) expect(await endOf(id)).toMatchObject({ cause: 'holder-changed' })
  })

  it('ends live grants on a role that was made again under its old name', async () => {
    const id = await office.grantedOn()
    office.aws.state.roles.set('app-team', { ...office.shared, roleId: 'AROAANOTHERONE0000000' })
    await office.look()
    office.aws.state.roles.set('app-team', office.shared)
    expect(await endOf(id)).toMatchObject({ cause: 'holder-changed' })
  })

  it('ends a grant that does not add up, with the alarm', async () => {
    const id = await office.grantedOn()
    await office.overwrite(id, (grant) => ({ ...grant, terms: { ...grant.terms, levels: ['delete'] } }))
    await office.look()
    expect(await endOf(id)).toMatchObject({ cause: 'yes-does-not-add-up' })
  })

  it('costs by what lies there, not by how many grants there are elsewhere', async () => {
    const before = office.aws.journal.entries().length
    await office.look()
    expect(
      office.aws.journal
        .entries()
        .slice(before)
        .map(({ action }) => action),
    ).toEqual(['ListRolePolicies'])
  })

  it('with one policy that AWS does not give up, takes the others all the same', async () => {
    office.putByHand('latchkey.a')
    office.putByHand('latchkey.b')
    const refused = { action: 'DeleteRolePolicy', parameters: { PolicyName: 'latchkey.a' } }
    office.aws.faults.fail(refused, { code: 'AccessDenied', status: 403 })
    await expect(office.look()).rejects.toMatchObject({ code: 'AWS_REFUSED' })
    expect(office.held()).toEqual(['a'])
  })
})

it('a record of another epoch takes everything of ours away, and ends what it calls live', async () => {
  const id = await office.grantedOn()
  office.putByHand('latchkey.g-00000000zzzz')
  await detachAll(office.deps, office.target.account)
  expect(office.held()).toEqual([])
  expect(await endOf(id)).toMatchObject({ cause: 'ended-before' })
  expect(await takenAway(policyNameOf(id))).toMatchObject([{ found: 'other-epoch' }])
})

it('an emptied record knows the targets of the rules, and takes everything of ours away there', async () => {
  const id = await office.grantedOn()
  const emptied = { ...office.deps, record: office.emptied() }
  await detachAll(emptied, office.target.account)
  expect(office.held()).toEqual([])
  expect(await office.rita.put('2026/a')).toBe('AccessDenied')
  expect(await statusOf(id)).toBe('active')
})
