import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eligibilityCache } from '../../../src/grants/credentials/eligibility-cache.ts'
import { vendCredentials } from '../../../src/grants/credentials/vend-credentials.ts'
import { checkEpoch } from '../../../src/grants/recovery/epoch.ts'
import { DENY_POLICY } from '../../../src/policies/deny-document.ts'
import { activateGrant } from '../../../workers/activate-grant.ts'
import { type DenyOffice, openDenyOffice } from '../../fixtures/deny-list.ts'

/** The epoch in AWS differs from the record's. Each test has use cases of its own, because an adoption cuts all earlier sessions. */

/** Later than the cut of an adoption, by every clock. */
const PAST_THE_CUT_MS = 32_000

let office: DenyOffice
beforeEach(async () => {
  office = await openDenyOffice('adoption')
})
afterEach(() => office.close())

function pastTheCut() {
  office.aws.clock.advance(PAST_THE_CUT_MS)
  return { ...office.deps, record: office.recordAhead(PAST_THE_CUT_MS) }
}

test('what was granted after the record was emptied is refused once an older record is put back', async () => {
  const before = await office.copy()
  await office.empty()
  await checkEpoch(office.deps)
  const deps = pastTheCut()
  const grantId = await office.approved()
  await activateGrant(deps, grantId)
  const kept = await vendCredentials(deps, office.as('rita'), grantId)
  expect(await office.canWrite(kept)).toBe(true)
  const cut = office.denied().issuedBefore

  await office.putBack(before)
  await checkEpoch(office.deps)
  expect(await office.canWrite(kept)).toBe(false)
  expect(office.denied().epoch).toBe(await office.record.epoch())
  expect(Date.parse(office.denied().issuedBefore)).toBeGreaterThan(Date.parse(cut))
})

test('who was denied after the record was emptied stays denied once an older record is put back', async () => {
  const before = await office.copy()
  await office.empty()
  await checkEpoch(office.deps)
  const deps = pastTheCut()
  const grantId = await office.approved()
  await activateGrant(deps, grantId)
  await office.revoked(grantId)
  await office.putBack(before)
  await checkEpoch(office.deps)
  expect(office.isDenied(grantId)).toBe(true)
})

test('a Deny document that somebody edited is adopted: nobody knows what it let through meanwhile', async () => {
  const { role, aws } = office
  const [live, ended] = [await office.granted(), await office.revoked(await office.granted())]
  const kept = await office.vend(live)
  const text = role.inline.current().get(DENY_POLICY) ?? ''
  role.inline.put(DENY_POLICY, JSON.stringify(JSON.parse(text), undefined, 2), aws.clock.now())
  await checkEpoch(office.deps)
  expect(await office.canWrite(kept)).toBe(false)
  expect(office.isDenied(ended)).toBe(true)
  expect(office.denied().epoch).toBe(await office.record.epoch())
  expect((await office.events('epoch.adopted')).at(-1)).toMatchObject({ found: 'unknown' })
})

test.each(['', 'x'.repeat(6_000)])(
  'a forged epoch (%#) holds no early end up: the role is adopted, and refuses all that went before',
  async (forged) => {
    const [ending, live] = [await office.granted(), await office.granted()]
    const [lost, cut] = [await office.vend(ending), await office.vend(live)]
    await office.redis.set(office.key('epoch'), forged)
    await office.revoked(ending)
    expect(await office.canWrite(lost)).toBe(false)
    expect(await office.canWrite(cut)).toBe(false)
    expect(office.denied().epoch).toBe(await office.record.epoch())
  },
)

test('an adoption never takes back the cut of the one before', async () => {
  const cuts: number[] = []
  for (let adoptions = 1; adoptions <= 3; adoptions += 1) {
    await office.empty()
    await checkEpoch(office.deps)
    cuts.push(Date.parse(office.denied().issuedBefore))
  }
  expect(cuts).toEqual([...cuts].sort((a, b) => a - b))
})

test('a vend that was under way when the record was emptied is refused afterwards', async () => {
  const grantId = await office.granted()
  const held = office.aws.faults.hold({ action: 'AssumeRole' }, { when: 'before' })
  const credentialsCache = office.vend(grantId)
  await held.arrived
  await office.empty()
  await checkEpoch(office.deps)
  // The latest time at which a vend that began before can still answer.
  office.aws.clock.advance(25_000)
  held.release()
  expect(await office.canWrite(await credentialsCache)).toBe(false)
})

describe('a role that was adopted while the directory took its time to answer a vend', () => {
  async function adopt(): Promise<void> {
    office.role.inline.put(DENY_POLICY, '{"Version":"2012-10-17","Statement":[]}', office.aws.clock.now())
    await checkEpoch(office.deps)
  }

  /** `meanwhile` runs between the call to AWS and its answer. */
  function vendWhile(grantId: string, meanwhile: () => Promise<void>, record = office.record) {
    const { deps } = office
    const person = async (objectId: string) => {
      await meanwhile()
      return await deps.directory.person(objectId)
    }
    const directory = { ...deps.directory, person }
    // A process with empty caches.
    return vendCredentials(
      { ...deps, record, directory, eligibilityCache: eligibilityCache() },
      office.as('rita'),
      grantId,
    )
  }

  test('vends nothing: AWS might be asked when the cut is over', async () => {
    const grantId = await office.granted()
    const before = office.calls('AssumeRole')
    await expect(vendWhile(grantId, adopt)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(office.calls('AssumeRole')).toBe(before)
    expect(await office.events('vend.intended')).toEqual([])
  })

  test('does not hand out again what its cut refuses', async () => {
    const grantId = await office.granted()
    const before = await office.vend(grantId)
    let aheadMs = 0
    const record = { ...office.record, now: async () => (await office.record.now()) + aheadMs }
    const credentialsCache = vendWhile(
      grantId,
      async () => {
        await adopt()
        office.aws.clock.advance(PAST_THE_CUT_MS)
        aheadMs = PAST_THE_CUT_MS
      },
      record,
    )
    expect(await office.canWrite(await credentialsCache)).toBe(true)
    expect(await office.canWrite(before)).toBe(false)
  })
})

test('nothing is granted or vended under a cut that would refuse it', async () => {
  await office.empty()
  await checkEpoch(office.deps)
  const grantId = await office.approved()
  const before = office.calls('AssumeRole')
  await expect(activateGrant(office.deps, grantId)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  expect(office.calls('AssumeRole')).toBe(before)
  const deps = pastTheCut()
  await activateGrant(deps, grantId)
  expect(await office.canWrite(await vendCredentials(deps, office.as('rita'), grantId))).toBe(true)
})
