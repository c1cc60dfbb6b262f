import { afterAll, expect, test } from 'vitest'
import { extendGrant } from '../../../src/access-requests/extend-grant.ts'
import { reviewAccessRequest } from '../../../src/access-requests/review/review-access-request.ts'
import { vendCredentials } from '../../../src/grants/credentials/vend-credentials.ts'
import { endGrant } from '../../../src/grants/end-grant.ts'
import { recordRefusal } from '../../../src/store/audit-refusal.ts'
import { openOffice } from '../../fixtures/use-cases.ts'

const office = await openOffice('audit')
const { deps } = office
afterAll(() => office.close())

function byOf(name: Parameters<typeof office.as>[0]) {
  return { actor: { kind: 'person', objectId: office.as(name).objectId } }
}

test('an ask that was refused to somebody known is on record', async () => {
  await expect(office.ask('oona')).rejects.toMatchObject({ code: 'NOT_ELIGIBLE' })
  expect(await office.events('ask.refused')).toMatchObject([{ ...byOf('oona'), code: 'NOT_ELIGIBLE' }])
})

test('an extension that was refused to somebody known is on record, whatever it was of', async () => {
  const grantId = await office.granted('rita')
  const extend = (name: 'finn' | 'rita', id: string) =>
    extendGrant(deps, office.as(name), id, { durationMinutes: 60, reason: 'it still runs' })
  for (const id of [grantId, `g-${'x'.repeat(1_000)}`])
    await expect(extend('finn', id)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  await endGrant(deps, office.as('rita'), grantId)
  await expect(extend('rita', grantId)).rejects.toMatchObject({ code: 'OVER' })
  expect(await office.events('extend.refused')).toMatchObject([
    { ...byOf('finn'), grantId, code: 'NOT_FOUND' },
    { ...byOf('finn'), grantId: `g-${'x'.repeat(38)}`, code: 'NOT_FOUND' },
    { ...byOf('rita'), grantId, code: 'OVER' },
  ])
})

test('a review that was refused to somebody known is on record', async () => {
  const { id } = await office.ask('rita')
  const review = reviewAccessRequest(deps, office.as('rita'), id, { decision: 'approve', comment: '' })
  await expect(review).rejects.toMatchObject({ code: 'NOT_YOURS_TO_DECIDE' })
  expect(await office.events('review.refused')).toMatchObject([{ ...byOf('rita'), requestId: id }])
})

test('a vend that was refused to somebody known is on record', async () => {
  const grantId = await office.granted('rita')
  await expect(vendCredentials(deps, office.as('finn'), grantId)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  expect(await office.events('vend.refused')).toMatchObject([{ ...byOf('finn'), grantId }])
})

test('the intent to vend is on record before STS is asked', async () => {
  const grantId = await office.granted('rita')
  const held = office.aws.faults.hold({ action: 'AssumeRole' }, { when: 'before' })
  const credentialsCache = vendCredentials(deps, office.as('rita'), grantId)
  await held.arrived
  const intents = await office.events('vend.intended')
  held.release()
  await credentialsCache
  expect(intents).toMatchObject([{ ...byOf('rita'), grantId, address: '127.0.0.1' }])
})

test('what one person can make us store by being refused is bounded', async () => {
  const caller = office.as('nils')
  const refuse = () =>
    recordRefusal(office.record, caller, {
      kind: 'review.refused',
      actor: { kind: 'person', objectId: caller.objectId },
      requestId: 'r-000000000000',
      code: 'NOT_FOUND',
      sentence: '',
    })
  for (let refusals = 1; refusals <= 120; refusals += 1) await refuse()
  // The request is still refused; the refusal is no longer recorded.
  await refuse()
  const stored = await office.events('review.refused')
  expect(stored.filter(({ actor }) => actor.kind === 'person' && actor.objectId === caller.objectId)).toHaveLength(120)
})
