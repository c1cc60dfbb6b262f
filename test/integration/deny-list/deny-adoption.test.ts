import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eligibilityCache } from '../../../src/grants/credentials/eligibility-cache.ts'
import { vendCredentials } from '../../../src/grants/credentials/vend-credentials.ts'
import { checkEpoch } from '../../../src/grants/recovery/epoch.ts'
import { DENY_POLICY } from '../../../src/policies/deny-document.ts'
import { activateGrant } from '../../../workers/activate-grant.ts'
import { type DenyListUseCases, openDenyListUseCases } from '../../fixtures/deny-list.ts'

/** The epoch in AWS differs from the record's. Each test has use cases of its own, because an adoption cuts all earlier sessions. */

/** Later than the cut of an adoption, by every clock. */
const PAST_THE_CUT_MS = 32_000

let useCases: DenyListUseCases
beforeEach(async () => {
  useCases = await openDenyListUseCases('adoption')
})
afterEach(() => useCases.close())

function pastTheCut() {
  useCases.aws.clock.advance(PAST_THE_CUT_MS)
  return { ...useCases.deps, record: useCases.recordAhead(PAST_THE_CUT_MS) }
}

test('what was granted after the record was emptied is refused once an older record is put back', async () => {
  const before = await useCases.snapshot()
  await useCases.empty()
  await checkEpoch(useCases.deps)
  const deps = pastTheCut()
  const grantId = await useCases.approved()
  await activateGrant(deps, grantId)
  const kept = await vendCredentials(deps, useCases.as('rita'), grantId)
  expect(await useCases.canWrite(kept)).toBe(true)
  const cut = useCases.denyDocument().issuedBefore

  await useCases.restore(before)
  await checkEpoch(useCases.deps)
  expect(await useCases.canWrite(kept)).toBe(false)
  expect(useCases.denyDocument().epoch).toBe(await useCases.record.epoch())
  expect(Date.parse(useCases.denyDocument().issuedBefore)).toBeGreaterThan(Date.parse(cut))
})

test('who was denied after the record was emptied stays denied once an older record is put back', async () => {
  const before = await useCases.snapshot()
  await useCases.empty()
  await checkEpoch(useCases.deps)
  const deps = pastTheCut()
  const grantId = await useCases.approved()
  await activateGrant(deps, grantId)
  await useCases.revoked(grantId)
  await useCases.restore(before)
  await checkEpoch(useCases.deps)
  expect(useCases.isDenied(grantId)).toBe(true)
})

test('a Deny document that somebody edited is adopted: nobody knows what it let through meanwhile', async () => {
  const { role, aws } = useCases
  const [live, ended] = [await useCases.granted(), await useCases.revoked(await useCases.granted())]
  const kept = await useCases.vend(live)
  const text = role.inline.current().get(DENY_POLICY) ?? ''
  role.inline.put(DENY_POLICY, JSON.stringify(JSON.parse(text), undefined, 2), aws.clock.now())
  await checkEpoch(useCases.deps)
  expect(await useCases.canWrite(kept)).toBe(false)
  expect(useCases.isDenied(ended)).toBe(true)
  expect(useCases.denyDocument().epoch).toBe(await useCases.record.epoch())
  expect((await useCases.events('epoch.adopted')).at(-1)).toMatchObject({ found: 'unknown' })
})

test.each(['', 'x'.repeat(6_000)])(
  'a forged epoch (%#) holds no early end up: the role is adopted, and refuses all that went before',
  async (forged) => {
    const [ending, live] = [await useCases.granted(), await useCases.granted()]
    const [lost, cut] = [await useCases.vend(ending), await useCases.vend(live)]
    await useCases.redis.set(useCases.key('epoch'), forged)
    await useCases.revoked(ending)
    expect(await useCases.canWrite(lost)).toBe(false)
    expect(await useCases.canWrite(cut)).toBe(false)
    expect(useCases.denyDocument().epoch).toBe(await useCases.record.epoch())
  },
)

test('an adoption never takes back the cut of the one before', async () => {
  const cuts: number[] = []
  for (let adoptions = 1; adoptions <= 3; adoptions += 1) {
    await useCases.empty()
    await checkEpoch(useCases.deps)
    cuts.push(Date.parse(useCases.denyDocument().issuedBefore))
  }
  expect(cuts).toEqual([...cuts].sort((a, b) => a - b))
})

test('a vend that was under way when the record was emptied is refused afterwards', async () => {
  const grantId = await useCases.granted()
  const held = useCases.aws.faults.hold({ action: 'AssumeRole' }, { when: 'before' })
  const credentialsCache = useCases.vend(grantId)
  await held.arrived
  await useCases.empty()
  await checkEpoch(useCases.deps)
  // The latest time at which a vend that began before can still answer.
  useCases.aws.clock.advance(25_000)
  held.release()
  expect(await useCases.canWrite(await credentialsCache)).toBe(false)
})

describe('a role that was adopted while the directory took its time to answer a vend', () => {
  async function adopt(): Promise<void> {
    useCases.role.inline.put(DENY_POLICY, '{"Version":"2012-10-17","Statement":[]}', useCases.aws.clock.now())
    await checkEpoch(useCases.deps)
  }

  /** `meanwhile` runs between the call to AWS and its answer. */
  function vendWhile(grantId: string, meanwhile: () => Promise<void>, record = useCases.record) {
    const { deps } = useCases
    const person = async (objectId: string) => {
      await meanwhile()
      return await deps.directory.person(objectId)
    }
    const directory = { ...deps.directory, person }
    // A process with empty caches.
    return vendCredentials(
      { ...deps, record, directory, eligibilityCache: eligibilityCache() },
      useCases.as('rita'),
      grantId,
    )
  }

  test('vends nothing: AWS might be asked when the cut is over', async () => {
    const grantId = await useCases.granted()
    const before = useCases.calls('AssumeRole')
    await expect(vendWhile(grantId, adopt)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(useCases.calls('AssumeRole')).toBe(before)
    expect(await useCases.events('vend.intended')).toEqual([])
  })

  test('does not hand out again what its cut refuses', async () => {
    const grantId = await useCases.granted()
    const before = await useCases.vend(grantId)
    let aheadMs = 0
    const record = { ...useCases.record, now: async () => (await useCases.record.now()) + aheadMs }
    const credentialsCache = vendWhile(
      grantId,
      async () => {
        await adopt()
        useCases.aws.clock.advance(PAST_THE_CUT_MS)
        aheadMs = PAST_THE_CUT_MS
      },
      record,
    )
    expect(await useCases.canWrite(await credentialsCache)).toBe(true)
    expect(await useCases.canWrite(before)).toBe(false)
  })
})

test('nothing is granted or vended under a cut that would refuse it', async () => {
  await useCases.empty()
  await checkEpoch(useCases.deps)
  const grantId = await useCases.approved()
  const before = useCases.calls('AssumeRole')
  await expect(activateGrant(useCases.deps, grantId)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  expect(useCases.calls('AssumeRole')).toBe(before)
  const deps = pastTheCut()
  await activateGrant(deps, grantId)
  expect(await useCases.canWrite(await vendCredentials(deps, useCases.as('rita'), grantId))).toBe(true)
})
