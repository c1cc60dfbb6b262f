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
import { openOffice } from '../../fixtures/use-cases.ts'

const office = await openOffice('epoch')
const { deps, principal } = office
const redis = await office.ground.open('request')
const denyKey = `${office.ground.prefix}:deny:${denyId(principal)}`
afterAll(() => office.close())

async function revoked(): Promise<string> {
  const grantId = await office.granted('finn')
  await endGrant(deps, office.as('finn'), grantId)
  await revokeGrant(deps, grantId)
  return sessionUserId(principal, grantId)
}

test('while a role carries another epoch nothing is activated or vended there', async () => {
  const [active, waiting] = [await office.granted(), await office.approved()]
  const vend = (record: RecordPort) => vendCredentials({ ...deps, record }, office.as('rita'), active)
  const record = { ...office.record, epoch: async () => 'of another record' }
  await expect(vend(record)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  await vend(office.record)
  const before = office.calls('AssumeRole')
  // Cached credentials are not handed out either.
  await expect(vend(record)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  await expect(activateGrant({ ...deps, record }, waiting)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  expect(office.calls('AssumeRole')).toBe(before)
  expect((await office.grant(waiting)).endsAt).toBeUndefined()
})

test('what was read of another role says nothing about this one', async () => {
  const record = { ...office.record, epoch: async () => 'of another record' }
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
  expect(office.denied().denied).toContain(id)
})

test('a cut that AWS holds is never taken back, whatever the record says', async () => {
  const before = office.denied()
  await until(() => iamTime(Date.now()) > before.issuedBefore)
  const cut = { ...before, issuedBefore: iamTime(Date.now()) }
  await deps.driver.writeDeny(principal, cut)
  const id = await revoked()
  expect(office.denied().denied).toContain(id)
  expect(office.denied().issuedBefore).toBe(cut.issuedBefore)
})

test('an emptied record refuses every session of before, and keeps every id denied', async () => {
  const live = await office.granted()
  const credentials = await vendCredentials(deps, office.as('rita'), live)
  const id = await revoked()
  expect(await office.canWrite(credentials)).toBe(true)
  const record = office.emptied()
  await checkEpoch({ ...deps, record })
  expect(await office.canWrite(credentials)).toBe(false)
  expect(office.denied().epoch).toBe(await record.epoch())
  expect(office.denied().denied).toContain(id)
})

test('a record that was put back from an older copy adopts the role again', async () => {
  await checkEpoch({ ...deps, record: office.emptied() })
  const before = office.denied()
  office.aws.clock.advance(5_000)
  await checkEpoch(deps)
  expect(office.denied().epoch).toBe(await office.record.epoch())
  expect(Date.parse(office.denied().issuedBefore)).toBeGreaterThan(Date.parse(before.issuedBefore))
})

test('a new record is adopted once, and what is granted under it is left whole', async () => {
  const record = office.emptied()
  await checkEpoch({ ...deps, record })
  const before = office.denied()
  office.aws.clock.advance(5_000)
  await checkEpoch({ ...deps, record })
  expect(office.denied()).toEqual(before)
})
