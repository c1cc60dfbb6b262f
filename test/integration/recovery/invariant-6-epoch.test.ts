import { afterAll, expect, test } from 'vitest'
import { vendCredentials } from '../../../src/grants/credentials/vend-credentials.ts'
import { endGrant } from '../../../src/grants/end-grant.ts'
import { denyId, sessionUserId } from '../../../src/grants/principal.ts'
import { checkEpoch } from '../../../src/grants/recovery/epoch.ts'
import { readReadiness, refuseUnlessReady } from '../../../src/grants/recovery/readiness.ts'
import { iamTime } from '../../../src/policies/iam-time.ts'
import type { RecordPort } from '../../../src/store/record-store.ts'
import { activateGrant } from '../../../workers/activate-grant.ts'
import { revokeGrant } from '../../../workers/revoke-grant.ts'
import { until } from '../../fixtures/redis-record.ts'
import { openUseCases } from '../../fixtures/use-cases.ts'

const useCases = await openUseCases('epoch')
const { deps, principal } = useCases
const redis = await useCases.fixture.open('request')
const denyKey = `${useCases.fixture.prefix}:deny:${denyId(principal)}`
afterAll(() => useCases.close())

async function revoked(): Promise<string> {
  const grantId = await useCases.granted('finn')
  await endGrant(deps, useCases.as('finn'), grantId)
  await revokeGrant(deps, grantId)
  return sessionUserId(principal, grantId)
}

test('while a role carries another epoch nothing is activated or vended there', async () => {
  const [active, waiting] = [await useCases.granted(), await useCases.approved()]
  const vend = (record: RecordPort) => vendCredentials({ ...deps, record }, useCases.as('rita'), active)
  const record = { ...useCases.record, epoch: async () => 'of another record' }
  await expect(vend(record)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  await vend(useCases.record)
  const before = useCases.calls('AssumeRole')
  // Cached credentials are not handed out either.
  await expect(vend(record)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  await expect(activateGrant({ ...deps, record }, waiting)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  expect(useCases.calls('AssumeRole')).toBe(before)
  expect((await useCases.grant(waiting)).endsAt).toBeUndefined()
})

test('what was read of another role says nothing about this one', async () => {
  const record = { ...useCases.record, epoch: async () => 'of another record' }
  const [nowMs, ready] = [await deps.record.now(), await readReadiness(deps, principal)]
  await refuseUnlessReady({ ...deps, record }, principal, nowMs, ready)
  const ofAnother = refuseUnlessReady({ ...deps, record }, principal, nowMs, { ...ready, role: '111122223333.other' })
  await expect(ofAnother).rejects.toMatchObject({ code: 'UNAVAILABLE' })
})

test('a list of denials that was forged in Redis lets nobody back in', async () => {
  const id = await revoked()
  const forged = JSON.parse((await redis.hget(denyKey, 'json')) ?? '')
  const until = '2026-01-01T00:00:00.000Z'
  await redis.hset(denyKey, 'json', JSON.stringify({ ...forged, denied: [{ userid: id, until }] }))
  await checkEpoch(deps)
  expect(useCases.denyDocument().denied).toContain(id)
})

test('a cut that AWS holds is never taken back, whatever the record says', async () => {
  const before = useCases.denyDocument()
  await until(() => iamTime(Date.now()) > before.issuedBefore)
  const cut = { ...before, issuedBefore: iamTime(Date.now()) }
  await deps.driver.writeDeny(principal, cut)
  const id = await revoked()
  expect(useCases.denyDocument().denied).toContain(id)
  expect(useCases.denyDocument().issuedBefore).toBe(cut.issuedBefore)
})

test('an emptied record refuses every session of before, and keeps every id denied', async () => {
  const live = await useCases.granted()
  const credentials = await vendCredentials(deps, useCases.as('rita'), live)
  const id = await revoked()
  expect(await useCases.canWrite(credentials)).toBe(true)
  const record = useCases.emptyRecord()
  await checkEpoch({ ...deps, record })
  expect(await useCases.canWrite(credentials)).toBe(false)
  expect(useCases.denyDocument().epoch).toBe(await record.epoch())
  expect(useCases.denyDocument().denied).toContain(id)
})

test('a record that was put back from an older copy adopts the role again', async () => {
  await checkEpoch({ ...deps, record: useCases.emptyRecord() })
  const before = useCases.denyDocument()
  useCases.aws.clock.advance(5_000)
  await checkEpoch(deps)
  expect(useCases.denyDocument().epoch).toBe(await useCases.record.epoch())
  expect(Date.parse(useCases.denyDocument().issuedBefore)).toBeGreaterThan(Date.parse(before.issuedBefore))
})

test('a new record is adopted once, and what is granted under it is left whole', async () => {
  const record = useCases.emptyRecord()
  await checkEpoch({ ...deps, record })
  const before = useCases.denyDocument()
  useCases.aws.clock.advance(5_000)
  await checkEpoch({ ...deps, record })
  expect(useCases.denyDocument()).toEqual(before)
})
