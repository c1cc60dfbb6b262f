import { afterAll, expect, test } from 'vitest'
import { activateGrant } from '../../../workers/activate-grant.ts'
import { openUseCases } from '../../fixtures/use-cases.ts'

const useCases = await openUseCases('end')
afterAll(() => useCases.close())

/** The time at which the sweeper handles the grant next. */
async function dueAt(grantId: string): Promise<number | undefined> {
  const entries = await useCases.record.due('grants', Number.MAX_SAFE_INTEGER, 100)
  return entries.find(({ id }) => id === grantId)?.at
}

test('the yes and the due entry of its grant are one write', async () => {
  const grantId = await useCases.approved()
  expect(await dueAt(grantId)).toBe(Date.parse((await useCases.grant(grantId)).terms.decidedAt))
})

test('the end is on record and in the due index before AWS is asked to allow anything', async () => {
  const grantId = await useCases.approved()
  const held = useCases.aws.faults.hold({ action: 'AssumeRole' }, { when: 'before' })
  const activated = activateGrant(useCases.deps, grantId)
  const { parameters } = await held.arrived
  const grant = await useCases.grant(grantId)
  const endsAtMs = Date.parse(grant.endsAt ?? '')
  held.release()
  await activated
  expect(grant.status).toBe('activating')
  expect(endsAtMs).toBeGreaterThan(Date.parse(grant.terms.decidedAt))
  expect(await dueAt(grantId)).toBe(endsAtMs)
  expect(String(parameters.Policy)).toContain(`"aws:CurrentTime":"${grant.endsAt?.replace('.000Z', 'Z')}"`)
})

test('a yes that is more than an hour old activates nothing', async () => {
  const grantId = await useCases.approved()
  await useCases.backdate(grantId, 3_601_000)
  const before = useCases.calls('AssumeRole')
  await activateGrant(useCases.deps, grantId)
  expect(useCases.calls('AssumeRole')).toBe(before)
  expect(await useCases.grant(grantId)).toMatchObject({ status: 'revoking', end: { cause: 'approval-void' } })
})
