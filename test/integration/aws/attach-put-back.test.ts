import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { reconcileEntity } from '../../../src/grants/attach/reconcile-entity.ts'
import type { Grant } from '../../../src/grants/grant.ts'
import { policyNameOf } from '../../../src/grants/iam-entity.ts'
import { reconcileRoles } from '../../../src/grants/recovery/epoch.ts'
import { deniedUntil } from '../../../src/grants/session/deny-list.ts'
import { activateGrant } from '../../../workers/activate-grant.ts'
import { revokeGrant } from '../../../workers/revoke-grant.ts'
import { type AttachUseCases, openAttachUseCases } from '../../fixtures/attach-use-cases.ts'
import { eventOf, newId, until } from '../../fixtures/redis-record.ts'

/** DESIGN §2.5, §2.6: no Deny in AWS covers an attached policy, so a policy that ended early must never be written again. */

let useCases: AttachUseCases
beforeAll(async () => {
  useCases = await openAttachUseCases('attach-put-back')
})
afterAll(() => useCases.close())
beforeEach(async () => {
  useCases.aws.faults.clear()
  for (const id of useCases.attachedGrants()) useCases.deleteByHand(policyNameOf(id))
  await useCases.reconcile()
})

const statusOf = async (id: string) => (await useCases.grant(id)).status
const isDenied = (id: string) => useCases.denyDocument().denied.includes(`${useCases.role.roleId}:${id}`)
/** Repeats the job while it asks to be repeated, as the queue does. */
async function untilRevoked(id: string): Promise<void> {
  let ran = await revokeGrant(useCases.deps, id)
  while (ran.againAt !== undefined) ran = await revokeGrant(useCases.deps, id)
}
const putBack = (id: string, older: Grant) => useCases.overwrite(id, () => older)
const DENY_WRITE = { action: 'PutRolePolicy', parameters: { RoleName: 'prod' } } as const

describe('an early end', () => {
  it.each(['activating', 'active, not written yet', 'active'])(
    'outlives a record that is put back from before it: %s',
    async (as) => {
      const id = await useCases.approvedAttach()
      const waiting = await useCases.grant(id)
      await activateGrant(useCases.deps, id)
      const active = await useCases.grant(id)
      await useCases.revoked(id)
      await putBack(id, as === 'activating' ? waiting : as === 'active' ? active : { ...active, unwritten: true })
      await activateGrant(useCases.deps, id)
      expect(useCases.attachedGrants()).toEqual([])
      for (const account of useCases.deps.rules.accounts.values()) await reconcileRoles(useCases.deps, account)
      expect(await useCases.grant(id)).toMatchObject({ status: 'revoking', end: { cause: 'ended-before' } })
      await revokeGrant(useCases.deps, id)
      expect(await statusOf(id)).toBe('revoked')
    },
  )

  it('takes the policy away first; it is called revoked when AWS remembers it too', async () => {
    const id = await useCases.grantedAttach()
    useCases.aws.faults.fail(DENY_WRITE, { code: 'ServiceFailure', status: 503, times: 3 })
    await useCases.ending(id)
    await expect(revokeGrant(useCases.deps, id)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(useCases.attachedGrants()).toEqual([])
    expect(await statusOf(id)).toBe('revoking')
    expect(isDenied(id)).toBe(false)
    await revokeGrant(useCases.deps, id)
    expect(await statusOf(id)).toBe('revoked')
    expect(isDenied(id)).toBe(true)
  })

  it('is remembered also where the policy cannot be taken away yet', async () => {
    const id = await useCases.grantedAttach()
    useCases.aws.faults.fail({ action: 'DeleteRolePolicy' }, { code: 'ServiceFailure', status: 503, times: 3 })
    await useCases.ending(id)
    await expect(revokeGrant(useCases.deps, id)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(await statusOf(id)).toBe('revoking')
    expect(isDenied(id)).toBe(true)
    await revokeGrant(useCases.deps, id)
    expect(useCases.attachedGrants()).toEqual([])
  })

  it('waits for a Deny document that somebody took away: until it is back nobody knows what it said', async () => {
    const [ended, id] = [await useCases.grantedAttach(), await useCases.approvedAttach('finn')]
    await useCases.revoked(ended)
    useCases.role.inline.delete('latchkey.deny', useCases.aws.clock.now())
    await expect(activateGrant(useCases.deps, id)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    for (const account of useCases.deps.rules.accounts.values()) await reconcileRoles(useCases.deps, account)
    expect(isDenied(ended)).toBe(true)
    await activateGrant(useCases.deps, id)
    expect(useCases.attachedGrants()).toEqual([id])
  })

  it('and others of the same account cost one write of the Deny document, and one for each policy', async () => {
    const ids = await Promise.all(
      [1, 2, 3, 4, 5, 6].map((minute) => useCases.grantedAttach(minute % 2 ? 'rita' : 'finn')),
    )
    for (const id of ids) await useCases.ending(id)
    const [puts, deletes] = [useCases.calls('PutRolePolicy'), useCases.calls('DeleteRolePolicy')]
    await Promise.all(ids.map(untilRevoked))
    for (const id of ids) expect(await statusOf(id)).toBe('revoked')
    expect(useCases.calls('PutRolePolicy') - puts).toBe(1)
    expect(useCases.calls('DeleteRolePolicy') - deletes).toBe(ids.length)
  })
})

describe('a policy that waits for its turn to be written', () => {
  it('is not written any more once its grant was ended', async () => {
    const [first, id] = [await useCases.approvedAttach('finn'), await useCases.approvedAttach()]
    const held = { action: 'PutRolePolicy', parameters: { PolicyName: policyNameOf(first) } }
    const putting = useCases.aws.faults.hold(held, { when: 'before' })
    const before = activateGrant(useCases.deps, first)
    await putting.arrived
    const waiting = activateGrant(useCases.deps, id)
    await until(async () => (await useCases.grant(id)).attempts === 1)
    await useCases.ending(id)
    putting.release()
    await expect(waiting).rejects.toMatchObject({ code: 'CONFLICT' })
    await before
    expect(useCases.attachedGrants()).toEqual([first])
    await activateGrant(useCases.deps, id)
    expect(await useCases.grant(id)).toMatchObject({ status: 'revoking', end: { cause: 'done' } })
  })
})

describe('a policy that lies there after its grant', () => {
  /** The calls of one reconciliation and their urgency. */
  async function urgencies(): Promise<readonly string[]> {
    const seen: string[] = []
    const { driver } = useCases.deps
    const noting: typeof driver = {
      ...driver,
      detach(target, policyName, urgency) {
        seen.push(`${policyName} ${urgency}`)
        return driver.detach(target, policyName, urgency)
      },
    }
    await reconcileEntity({ ...useCases.deps, driver: noting }, useCases.entity, { documents: false })
    return seen
  }

  it('goes at once if the grant was ended early: only an end on time is inside it', async () => {
    const [early, onTime] = [await useCases.grantedAttach(), await useCases.grantedAttach('finn')]
    const late = useCases.sharedRole.inline.current().get(policyNameOf(early))
    await useCases.overwrite(onTime, (grant) => ({ ...grant, endsAt: '2026-01-01T00:00:00.000Z' }))
    await revokeGrant(useCases.deps, onTime)
    await useCases.revoked(early)
    useCases.putByHand(policyNameOf(early), late)
    expect([...(await urgencies())].sort()).toEqual(
      [`${policyNameOf(early)} early-revoke`, `${policyNameOf(onTime)} tidying`].sort(),
    )
    expect(useCases.attachedGrants()).toEqual([])
  })

  it('is not explained by a record that somebody wrote', async () => {
    const id = await useCases.approvedAttach()
    await useCases.overwrite(id, (grant) => ({ ...grant, terms: { ...grant.terms, levels: ['delete'] } }))
    useCases.putByHand(policyNameOf(id))
    expect(await urgencies()).toEqual([`${policyNameOf(id)} early-revoke`])
    expect(useCases.attachedGrants()).toEqual([])
    const taken = await useCases.events('policy.taken-away')
    expect(taken).toContainEqual(expect.objectContaining({ policy: policyNameOf(id), found: 'unknown' }))
  })
})

it('what could need an id in the Deny document holds a place there, from the ask until its yes is worth nothing', async () => {
  const id = await useCases.grantedAttach()
  const slots = () => useCases.record.scores('on-role', '111122223333.prod')
  const { terms } = await useCases.grant(id)
  expect((await slots()).get(id)).toBe(Date.parse(deniedUntil(terms)))
  const at = (await useCases.record.now()) + 600_000
  const free = 150 - [...(await slots()).values()].filter((score) => score > at - 600_000).length
  const others = Array.from({ length: free }, () => ({ kind: 'on-role', value: '111122223333.prod', id: newId(), at }))
  await useCases.record.commit({ records: [], indexes: others, audit: [eventOf()] })
  await expect(useCases.approvedAttach('finn')).rejects.toMatchObject({ code: 'QUOTA_FULL' })
})
