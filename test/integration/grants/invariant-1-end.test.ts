import { afterAll, expect, test } from 'vitest'
import { activateGrant } from '../../../workers/activate-grant.ts'
import { openOffice } from '../../fixtures/use-cases.ts'

const office = await openOffice('end')
afterAll(() => office.close())

/** The time at which the sweeper handles the grant next. */
async function dueAt(grantId: string): Promise<number | undefined> {
  const entries = await office.record.due('grants', Number.MAX_SAFE_INTEGER, 100)
  return entries.find(({ id }) => id === grantId)?.at
}

test('the yes and the due entry of its grant are one write', async () => {
  const grantId = await office.approved()
  expect(await dueAt(grantId)).toBe(Date.parse((await office.grant(grantId)).terms.decidedAt))
})

test('the end is on record and in the due index before AWS is asked to allow anything', async () => {
  const grantId = await office.approved()
  const held = office.aws.faults.hold({ action: 'AssumeRole' }, { when: 'before' })
  const activated = activateGrant(office.deps, grantId)
  const { parameters } = await held.arrived
  const grant = await office.grant(grantId)
  const endsAtMs = Date.parse(grant.endsAt ?? '')
  held.release()
  await activated
  expect(grant.status).toBe('activating')
  expect(endsAtMs).toBeGreaterThan(Date.parse(grant.terms.decidedAt))
  expect(await dueAt(grantId)).toBe(endsAtMs)
  expect(String(parameters.Policy)).toContain(`"aws:CurrentTime":"${grant.endsAt?.replace('.000Z', 'Z')}"`)
})

test('a yes that is more than an hour old activates nothing', async () => {
  const grantId = await office.approved()
  await office.older(grantId, 3_601_000)
  const before = office.calls('AssumeRole')
  await activateGrant(office.deps, grantId)
  expect(office.calls('AssumeRole')).toBe(before)
  expect(await office.grant(grantId)).toMatchObject({ status: 'revoking', end: { cause: 'approval-void' } })
})
