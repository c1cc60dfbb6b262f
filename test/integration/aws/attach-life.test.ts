import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { listByPrincipalId, listRecentEntities } from '../../../src/grants/attach/find-on-entity.ts'
import { detachAll, reconcileDueEntity } from '../../../src/grants/attach/reconcile-entity.ts'
import { policyNameOf } from '../../../src/grants/iam-entity.ts'
import { activateGrant } from '../../../workers/activate-grant.ts'
import { revokeGrant } from '../../../workers/revoke-grant.ts'
import { trustOf } from '../../fixtures/attach-driver.ts'
import {
  type AttachUseCases,
  attachPrincipalOf,
  openAttachUseCases,
  WIDER_POLICY,
} from '../../fixtures/attach-use-cases.ts'
import { DENIED_ON } from '../../unit/grants/a-grant.ts'

/** DESIGN §2.1, §2.5, §2.8: grants on a shared role from the approval to the removal of the policy, and every reconciliation of that role. */

let useCases: AttachUseCases
beforeAll(async () => {
  useCases = await openAttachUseCases('attach')
})
afterAll(() => useCases.close())
beforeEach(async () => {
  useCases.aws.faults.clear()
  useCases.sharedRole.trustPolicy = trustOf(useCases.aws.state.account)
  for (const id of useCases.attachedGrants()) useCases.deleteByHand(policyNameOf(id))
  await useCases.reconcile()
})

const statusOf = async (id: string) => (await useCases.grant(id)).status
const endOf = async (id: string) => (await useCases.grant(id)).end
const takenAway = async (policy: string) =>
  (await useCases.events('policy.taken-away')).filter((event) => 'policy' in event && event.policy === policy)
const dueAt = async (id: string) => {
  const due = await useCases.record.due('targets', (await useCases.record.now()) + 3_600_000, 1_000)
  return due.find((entry) => entry.id === id)?.at
}
/** Moves the end of the grant this far into the past. */
const endedBefore = (id: string, milliseconds: number) =>
  useCases.overwrite(id, (grant) => ({
    ...grant,
    endedAt: new Date(Date.parse(grant.endedAt ?? '') - milliseconds).toISOString(),
  }))

describe('a grant on the person’s own role', () => {
  it('is one policy there, from the yes to its end', async () => {
    const id = await useCases.grantedAttach()
    expect(await statusOf(id)).toBe('active')
    expect(useCases.attachedGrants()).toEqual([id])
    expect(await useCases.rita.put('2026/a')).toBe('done')
    expect(await useCases.finn.put('2026/a')).toBe('AccessDenied')
    await useCases.revoked(id)
    expect(await statusOf(id)).toBe('revoked')
    expect(useCases.attachedGrants()).toEqual([])
    expect(await useCases.rita.put('2026/a')).toBe('AccessDenied')
  })

  it('is found by its target and its principal before AWS is asked for anything', async () => {
    const id = await useCases.approvedAttach()
    const putting = useCases.aws.faults.hold({ action: 'PutRolePolicy' }, { when: 'before' })
    const activating = activateGrant(useCases.deps, id)
    await putting.arrived
    const { userid } = attachPrincipalOf(await useCases.grant(id))
    expect(await listByPrincipalId(useCases.record, userid, await useCases.record.now())).toContain(id)
    expect(await listRecentEntities(useCases.record)).toContainEqual(useCases.entity)
    putting.release()
    await activating
    await useCases.revoked(id)
  })

  it('that AWS refuses is revoked, with the numbers of a full quota', async () => {
    const id = await useCases.approvedAttach()
    const filler = JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: 's3:GetObject', Resource: `arn:aws:s3:::${'a'.repeat(9_500)}` }],
    })
    useCases.putByHand('filler', filler)
    await activateGrant(useCases.deps, id)
    useCases.deleteByHand('filler')
    expect(await endOf(id)).toMatchObject({ cause: 'activation-failed' })
    const asked = (await useCases.events('grant.end-asked')).find((event) => 'grantId' in event && event.grantId === id)
    expect(asked).toMatchObject({ detail: expect.stringMatching(/10240 characters; \d+ are taken/) })
    await revokeGrant(useCases.deps, id)
  })

  it('is called expired on time, though AWS cannot be asked, and its policy is tidied away after', async () => {
    const id = await useCases.grantedAttach()
    await useCases.overwrite(id, (grant) => ({ ...grant, endsAt: '2026-01-01T00:00:00.000Z' }))
    useCases.aws.faults.fail({ action: 'DeleteRolePolicy' }, { code: 'ServiceFailure', status: 503, times: 3 })
    await revokeGrant(useCases.deps, id)
    expect(await statusOf(id)).toBe('expired')
    await expect(reconcileDueEntity(useCases.deps, id)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(await dueAt(id)).toBeDefined()
    expect(useCases.attachedGrants()).toEqual([id])
    await reconcileDueEntity(useCases.deps, id)
    expect(useCases.attachedGrants()).toEqual([])
    expect(await dueAt(id)).toBeUndefined()
    expect(await takenAway(policyNameOf(id))).toMatchObject([{ found: 'over' }])
  })

  it('ended early is looked for again after 10 and 60 seconds: a put whose answer was lost may land late', async () => {
    const id = await useCases.grantedAttach()
    const late = useCases.sharedRole.inline.current().get(policyNameOf(id)) ?? ''
    await useCases.revoked(id)
    const endedAt = Date.parse((await useCases.grant(id)).endedAt ?? '')
    expect(await dueAt(id)).toBe(endedAt + 10_000)
    await endedBefore(id, 10_000)
    useCases.putByHand(policyNameOf(id), late)
    await reconcileDueEntity(useCases.deps, id)
    expect(useCases.attachedGrants()).toEqual([])
    expect(await dueAt(id)).toBe(endedAt + 50_000)
    await endedBefore(id, 60_000)
    useCases.putByHand(policyNameOf(id), late)
    await reconcileDueEntity(useCases.deps, id)
    expect(useCases.attachedGrants()).toEqual([])
    expect(await dueAt(id)).toBeUndefined()
    expect(await takenAway(policyNameOf(id))).toHaveLength(2)
  })

  it('is not called revoked while its policy is still there', async () => {
    const id = await useCases.grantedAttach()
    useCases.aws.faults.fail({ action: 'DeleteRolePolicy' }, { code: 'ServiceFailure', status: 503, times: 3 })
    await useCases.ending(id)
    await expect(revokeGrant(useCases.deps, id)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(await statusOf(id)).toBe('revoking')
    await revokeGrant(useCases.deps, id)
    expect(await statusOf(id)).toBe('revoked')
  })

  it('that was tampered with is taken from everybody who could have it, whatever it says of its holder', async () => {
    const id = await useCases.grantedAttach()
    const elsewhere = {
      driver: 'attach',
      account: '111122223333',
      arn: 'arn:aws:iam::111122223333:role/other',
      userid: 'AROAX:x',
      deniedOn: DENIED_ON,
    } as const
    await useCases.overwrite(id, (grant) => ({ ...grant, terms: { ...grant.terms, principal: elsewhere } }))
    await useCases.revoked(id)
    expect(useCases.attachedGrants()).toEqual([])
    expect(await useCases.rita.put('2026/a')).toBe('AccessDenied')
    expect(useCases.denyDocument().denied).toContain(`${useCases.role.roleId}:${id}`)
  })
})

describe('a look at a role', () => {
  it('takes away every policy of ours that no live grant explains, and says so', async () => {
    const kept = await useCases.grantedAttach()
    const other = await useCases.grantedAttach('finn')
    useCases.putByHand('latchkey.g-00000000zzzz')
    useCases.putByHand('latchkey.anything')
    useCases.putByHand('filler')
    expect(await useCases.reconcile()).toBe('looked')
    expect(useCases.attachedGrants()).toEqual([kept, other].sort())
    expect(await takenAway('latchkey.g-00000000zzzz')).toMatchObject([{ found: 'unknown' }])
    expect(await takenAway('latchkey.anything')).toMatchObject([{ found: 'unknown' }])
    expect(useCases.sharedRole.inline.current().has('filler')).toBe(true)
    useCases.deleteByHand('filler')
  })

  it('takes away the policy of a grant that is on another holder', async () => {
    const session = await useCases.granted()
    useCases.putByHand(policyNameOf(session))
    await useCases.reconcile()
    expect(useCases.attachedGrants()).toEqual([])
    expect(await takenAway(policyNameOf(session))).toMatchObject([{ found: 'other-principal' }])
  })

  it('leaves alone what is being activated and what is being revoked', async () => {
    const id = await useCases.approvedAttach()
    const putting = useCases.aws.faults.hold({ action: 'PutRolePolicy' })
    const activating = activateGrant(useCases.deps, id)
    await putting.arrived
    await useCases.reconcile(true)
    expect(useCases.attachedGrants()).toEqual([id])
    putting.release()
    await activating
    expect(await statusOf(id)).toBe('active')
    await useCases.ending(id)
    await useCases.reconcile(true)
    expect(useCases.attachedGrants()).toEqual([id])
    expect((await endOf(id))?.cause).toBe('done')
  })

  it('ends a live grant whose policy somebody took away, and does not put it back', async () => {
    const id = await useCases.grantedAttach()
    useCases.deleteByHand(policyNameOf(id))
    await useCases.reconcile()
    expect(await endOf(id)).toMatchObject({ cause: 'changed-in-aws' })
    await revokeGrant(useCases.deps, id)
    await useCases.reconcile()
    expect(useCases.attachedGrants()).toEqual([])
  })

  it('ends a live grant whose policy somebody changed, when documents are compared', async () => {
    const [changed, whole] = [
      await useCases.grantedAttach(),
      await useCases.grantedAttach('rita', { levels: ['delete'] }),
    ]
    useCases.putByHand(policyNameOf(changed), WIDER_POLICY)
    await useCases.reconcile()
    expect(await statusOf(changed)).toBe('active')
    await useCases.reconcile(true)
    expect(await endOf(changed)).toMatchObject({ cause: 'changed-in-aws' })
    expect(await statusOf(whole)).toBe('active')
    await revokeGrant(useCases.deps, changed)
    expect(await useCases.rita.put('2025/a')).toBe('AccessDenied')
  })

  it('ends live grants on a role that lets people in under names of their own choice', async () => {
    const ids = [await useCases.grantedAttach(), await useCases.grantedAttach('finn')]
    useCases.sharedRole.trustPolicy = trustOf(useCases.aws.state.account, { Condition: {} })
    await useCases.reconcile()
    for (const id of ids) expect(await endOf(id)).toMatchObject({ cause: 'holder-changed' })
  })

  it('ends live grants on a role that was made again under its old name', async () => {
    const id = await useCases.grantedAttach()
    useCases.aws.state.roles.set('app-team', { ...useCases.sharedRole, roleId: 'AROAANOTHERONE0000000' })
    await useCases.reconcile()
    useCases.aws.state.roles.set('app-team', useCases.sharedRole)
    expect(await endOf(id)).toMatchObject({ cause: 'holder-changed' })
  })

  it('ends a grant that does not add up, with the alarm', async () => {
    const id = await useCases.grantedAttach()
    await useCases.overwrite(id, (grant) => ({ ...grant, terms: { ...grant.terms, levels: ['delete'] } }))
    await useCases.reconcile()
    expect(await endOf(id)).toMatchObject({ cause: 'yes-does-not-add-up' })
  })

  it('costs by what lies there, not by how many grants there are elsewhere', async () => {
    const before = useCases.aws.journal.entries().length
    await useCases.reconcile()
    expect(
      useCases.aws.journal
        .entries()
        .slice(before)
        .map(({ action }) => action),
    ).toEqual(['ListRolePolicies'])
  })

  it('with one policy that AWS does not give up, takes the others all the same', async () => {
    useCases.putByHand('latchkey.a')
    useCases.putByHand('latchkey.b')
    const refused = { action: 'DeleteRolePolicy', parameters: { PolicyName: 'latchkey.a' } }
    useCases.aws.faults.fail(refused, { code: 'AccessDenied', status: 403 })
    await expect(useCases.reconcile()).rejects.toMatchObject({ code: 'AWS_REFUSED' })
    expect(useCases.attachedGrants()).toEqual(['a'])
  })
})

it('a record of another epoch takes everything of ours away, and ends what it calls live', async () => {
  const id = await useCases.grantedAttach()
  useCases.putByHand('latchkey.g-00000000zzzz')
  await detachAll(useCases.deps, useCases.entity.account)
  expect(useCases.attachedGrants()).toEqual([])
  expect(await endOf(id)).toMatchObject({ cause: 'ended-before' })
  expect(await takenAway(policyNameOf(id))).toMatchObject([{ found: 'other-epoch' }])
})

it('an emptied record knows the targets of the rules, and takes everything of ours away there', async () => {
  const id = await useCases.grantedAttach()
  const emptied = { ...useCases.deps, record: useCases.emptyRecord() }
  await detachAll(emptied, useCases.entity.account)
  expect(useCases.attachedGrants()).toEqual([])
  expect(await useCases.rita.put('2026/a')).toBe('AccessDenied')
  expect(await statusOf(id)).toBe('active')
})
