import { afterAll, expect, test } from 'vitest'
import { extendGrant } from '../../../src/access-requests/extend-grant.ts'
import { reviewAccessRequest } from '../../../src/access-requests/review/review-access-request.ts'
import { vendCredentials } from '../../../src/grants/credentials/vend-credentials.ts'
import { endGrant } from '../../../src/grants/end-grant.ts'
import { recordRefusal } from '../../../src/store/audit-refusal.ts'
import { openUseCases } from '../../fixtures/use-cases.ts'

const useCases = await openUseCases('audit')
const { deps } = useCases
afterAll(() => useCases.close())

function byOf(name: Parameters<typeof useCases.as>[0]) {
  return { actor: { kind: 'person', objectId: useCases.as(name).objectId } }
}

test('an ask that was refused to somebody known is on record', async () => {
  await expect(useCases.ask('oona')).rejects.toMatchObject({ code: 'NOT_ELIGIBLE' })
  expect(await useCases.events('ask.refused')).toMatchObject([{ ...byOf('oona'), code: 'NOT_ELIGIBLE' }])
})

test('an extension that was refused to somebody known is on record, whatever it was of', async () => {
  const grantId = await useCases.granted('rita')
  const extend = (name: 'finn' | 'rita', id: string) =>
    extendGrant(deps, useCases.as(name), id, { durationMinutes: 60, reason: 'it still runs' })
  for (const id of [grantId, `g-${'x'.repeat(1_000)}`])
    await expect(extend('finn', id)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  await endGrant(deps, useCases.as('rita'), grantId)
  await expect(extend('rita', grantId)).rejects.toMatchObject({ code: 'OVER' })
  expect(await useCases.events('extend.refused')).toMatchObject([
    { ...byOf('finn'), grantId, code: 'NOT_FOUND' },
    { ...byOf('finn'), grantId: `g-${'x'.repeat(38)}`, code: 'NOT_FOUND' },
    { ...byOf('rita'), grantId, code: 'OVER' },
  ])
})

test('a review that was refused to somebody known is on record', async () => {
  const { id } = await useCases.ask('rita')
  const review = reviewAccessRequest(deps, useCases.as('rita'), id, { decision: 'approve', comment: '' })
  await expect(review).rejects.toMatchObject({ code: 'NOT_YOURS_TO_DECIDE' })
  expect(await useCases.events('review.refused')).toMatchObject([{ ...byOf('rita'), requestId: id }])
})

test('a vend that was refused to somebody known is on record', async () => {
  const grantId = await useCases.granted('rita')
  await expect(vendCredentials(deps, useCases.as('finn'), grantId)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  expect(await useCases.events('vend.refused')).toMatchObject([{ ...byOf('finn'), grantId }])
})

test('the intent to vend is on record before STS is asked', async () => {
  const grantId = await useCases.granted('rita')
  const held = useCases.aws.faults.hold({ action: 'AssumeRole' }, { when: 'before' })
  const credentialsCache = vendCredentials(deps, useCases.as('rita'), grantId)
  await held.arrived
  const intents = await useCases.events('vend.intended')
  held.release()
  await credentialsCache
  expect(intents).toMatchObject([{ ...byOf('rita'), grantId, address: '127.0.0.1' }])
})

test('what one person can make us store by being refused is bounded', async () => {
  const caller = useCases.as('nils')
  const refuse = () =>
    recordRefusal(useCases.record, caller, {
      kind: 'review.refused',
      actor: { kind: 'person', objectId: caller.objectId },
      requestId: 'r-000000000000',
      code: 'NOT_FOUND',
      sentence: '',
    })
  for (let refusals = 1; refusals <= 120; refusals += 1) await refuse()
  // The request is still refused; the refusal is no longer recorded.
  await refuse()
  const stored = await useCases.events('review.refused')
  expect(stored.filter(({ actor }) => actor.kind === 'person' && actor.objectId === caller.objectId)).toHaveLength(120)
})
