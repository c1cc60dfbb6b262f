import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { reconcileEntity } from '../../../src/grants/attach/reconcile-entity.ts'
import type { Grant } from '../../../src/grants/grant.ts'
import { policyNameOf } from '../../../src/grants/iam-entity.ts'
import { reconcileRoles } from '../../../src/grants/recovery/epoch.ts'
import { deniedUntil } from '../../../src/grants/session/deny-list.ts'
import { activateGrant } from '../../../workers/activate-grant.ts'
import { revokeGrant } from '../../../workers/revoke-grant.ts'
import { type AttachOffice, openAttachOffice } from '../../fixtures/attach-use-cases.ts'
import { eventOf, newId, until } from '../../fixtures/redis-record.ts'

/** DESIGN §2.5, §2.6: no Deny in AWS covers an attached policy, so a policy that ended early must never be written again. */

let office: AttachOffice
beforeAll(async () => {
  office = await openAttachOffice('attach-put-back')
})
afterAll(() => office.close())
beforeEach(async () => {
  office.aws.faults.clear()
  for (const id of office.held()) office.takeByHand(policyNameOf(id))
  await office.look()
})

const statusOf = async (id: string) => (await office.grant(id)).status
const isDenied = (id: string) => office.denied().denied.includes(`${office.role.roleId}:${id}`)
/** Repeats the job while it asks to be repeated, as the queue does. */
async function untilRevoked(id: string): Promise<void> {
  let ran = await revokeGrant(office.deps, id)
  while (ran.againAt !== undefined) ran = await revokeGrant(office.deps, id)
}
const putBack = (id: string, older: Grant) => office.overwrite(id, () => older)
const DENY_WRITE = { action: 'PutRolePolicy', parameters: { RoleName: 'prod' } } as const

describe('an early end', () => {
  it.each(['activating', 'active, not written yet', 'active'])(
    'outlives a record that is put back from before it: %s',
    async (as) => {
      const id = await office.approvedOn()
      const waiting = await office.grant(id)
      await activateGrant(office.deps, id)
      const active = await office.grant(id)
      await office.revoked(id)
      await putBack(id, as === 'activating' ? waiting : as === 'active' ? active : { ...active, unwritten: true })
      await activateGrant(office.deps, id)
      expect(office.held()).toEqual([])
      for (const account of office.deps.rules.accounts.values()) await reconcileRoles(office.deps, account)
      expect(await office.grant(id)).toMatchObject({ status: 'revoking', end: { cause: 'ended-before' } })
      await revokeGrant(office.deps, id)
      expect(await statusOf(id)).toBe('revoked')
    },
  )

  it('takes the policy away first; it is called revoked when AWS remembers it too', async () => {
    const id = await office.grantedOn()
    office.aws.faults.fail(DENY_WRITE, { code: 'ServiceFailure', status: 503, times: 3 })
    await office.ending(id)
    await expect(revokeGrant(office.deps, id)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(office.held()).toEqual([])
    expect(await statusOf(id)).toBe('revoking')
    expect(isDenied(id)).toBe(false)
    await revokeGrant(office.deps, id)
    expect(await statusOf(id)).toBe('revoked')
    expect(isDenied(id)).toBe(true)
  })

  it('is remembered also where the policy cannot be taken away yet', async () => {
    const id = await office.grantedOn()
    office.aws.faults.fail({ action: 'DeleteRolePolicy' }, { code: 'ServiceFailure', status: 503, times: 3 })
    await office.ending(id)
    await expect(revokeGrant(office.deps, id)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(await statusOf(id)).toBe('revoking')
    expect(isDenied(id)).toBe(true)
    await revokeGrant(office.deps, id)
    expect(office.held()).toEqual([])
  })

  it('waits for a Deny document that somebody took away: until it is back nobody knows what it said', async () => {
    const [ended, id] = [await office.grantedOn(), await office.approvedOn('finn')]
    await office.revoked(ended)
    office.role.inline.delete('latchkey.deny', office.aws.clock.now())
    await expect(activateGrant(office.deps, id)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    for (const account of office.deps.rules.accounts.values()) await reconcileRoles(office.deps, account)
    expect(isDenied(ended)).toBe(true)
    await activateGrant(office.deps, id)
    expect(office.held()).toEqual([id])
  })

  it('and others of the same account cost one write of the Deny document, and one for each policy', async () => {
    const ids = await Promise.all([1, 2, 3, 4, 5, 6].map((minute) => office.grantedOn(minute % 2 ? 'rita' : 'finn')))
    for (const id of ids) await office.ending(id)
    const [puts, deletes] = [office.calls('PutRolePolicy'), office.calls('DeleteRolePolicy')]
    await Promise.all(ids.map(untilRevoked))
    for (const id of ids) expect(await statusOf(id)).toBe('revoked')
    expect(office.calls('PutRolePolicy') - puts).toBe(1)
    expect(office.calls('DeleteRolePolicy') - deletes).toBe(ids.length)
  })
})

describe('a policy that waits for its turn to be written', () => {
  it('is not written any more once its grant was ended', async () => {
    const [first, id] = [await office.approvedOn('finn'), await office.approvedOn()]
    const held = { action: 'PutRolePolicy', parameters: { PolicyName: policyNameOf(first) } }
    const putting = office.aws.faults.hold(held, { when: 'before' })
    const before = activateGrant(office.deps, first)
    await putting.arrived
    const waiting = activateGrant(office.deps, id)
    await until(async () => (await office.grant(id)).attempts === 1)
    await office.ending(id)
    putting.release()
    await expect(waiting).rejects.toMatchObject({ code: 'CONFLICT' })
    await before
    expect(office.held()).toEqual([first])
    await activateGrant(office.deps, id)
    expect(await office.grant(id)).toMatchObject({ status: 'revoking', end: { cause: 'done' } })
  })
})

describe('a policy that lies there after its grant', () => {
  /** The calls of one reconciliation and their urgency. */
  async function urgencies(): Promise<readonly string[]> {
    const seen: string[] = []
    const { driver } = office.deps
    const noting: typeof driver = {
      ...driver,
      detach(target, policyName, urgency) {
        seen.push(`${policyName} ${urgency}`)
        return driver.detach(target, policyName, urgency)
      },
    }
    await reconcileEntity({ ...office.deps, driver: noting }, office.target, { documents: false })
    return seen
  }

  it('goes at once if the grant was ended early: only an end on time is inside it', async () => {
    const [early, onTime] = [await office.grantedOn(), await office.grantedOn('finn')]
    const late = office.shared.inline.current().get(policyNameOf(early))
    await office.overwrite(onTime, (grant) => ({ ...grant, endsAt: '2026-01-01T00:00:00.000Z' }))
    await revokeGrant(office.deps, onTime)
    await office.revoked(early)
    office.putByHand(policyNameOf(early), late)
    expect([...(await urgencies())].sort()).toEqual(
      [`${policyNameOf(early)} early-revoke`, `${policyNameOf(onTime)} tidying`].sort(),
    )
    expect(office.held()).toEqual([])
  })

  it('is not explained by a record that somebody wrote', async () => {
    const id = await office.approvedOn()
    await office.overwrite(id, (grant) => ({ ...grant, terms: { ...grant.terms, levels: ['delete'] } }))
    office.putByHand(policyNameOf(id))
    expect(await urgencies()).toEqual([`${policyNameOf(id)} early-revoke`])
    expect(office.held()).toEqual([])
    const taken = await office.events('policy.taken-away')
    expect(taken).toContainEqual(expect.objectContaining({ policy: policyNameOf(id), found: 'unknown' }))
  })
})

it('what could need an id in the Deny document holds a place there, from the ask until its yes is worth nothing', async () => {
  const id = await office.grantedOn()
  const places = () => office.record.scores('on-role', '111122223333.prod')
  const { terms } = await office.grant(id)
  expect((await places()).get(id)).toBe(Date.parse(deniedUntil(terms)))
  const at = (await office.record.now()) + 600_000
  const free = 150 - [...(await places()).values()].filter((score) => score > at - 600_000).length
  const others = Array.from({ length: free }, () => ({ kind: 'on-role', value: '111122223333.prod', id: newId(), at }))
  await office.record.commit({ records: [], indexes: others, audit: [eventOf()] })
  await expect(office.approvedOn('finn')).rejects.toMatchObject({ code: 'QUOTA_FULL' })
})
