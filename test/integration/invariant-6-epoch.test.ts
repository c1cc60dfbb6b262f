import { afterAll, expect, test } from 'vitest'
import { userIdOf } from '../../src/grants/deny-record.ts'
import { endGrant } from '../../src/grants/end-grant.ts'
import { checkEpoch } from '../../src/grants/epoch.ts'
import { vendCredentials } from '../../src/grants/vend-credentials.ts'
import { activateGrant } from '../../workers/activate-grant.ts'
import { revokeGrant } from '../../workers/revoke-grant.ts'
import { makeReady, openOffice } from './invariant-ground.ts'
import { until } from './record-ground.ts'

const office = await openOffice('epoch')
const { needs } = office
afterAll(() => office.close())

test('while a role carries another epoch nothing is activated or vended there', async () => {
  const [active, waiting] = [await office.granted(), await office.approved()]
  const record = { ...office.record, epoch: async () => 'of another record' }
  const before = office.calls('AssumeRole')
  const vended = vendCredentials({ ...needs, record }, office.as('rita'), active)
  await expect(vended).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  await expect(activateGrant({ ...needs, record }, waiting)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  expect(office.calls('AssumeRole')).toBe(before)
  expect((await office.grant(waiting)).endsAt).toBeUndefined()
})

test('an emptied record refuses every session of before, and keeps every id denied', async () => {
  const [live, ended] = [await office.granted(), await office.granted()]
  const credentials = await vendCredentials(needs, office.as('rita'), live)
  await endGrant(needs, office.as('rita'), ended)
  await revokeGrant(needs, ended)
  expect(await office.canWrite(credentials)).toBe(true)
  const record = office.emptied()
  await makeReady({ ...needs, record }, office.principal)
  expect(await office.canWrite(credentials)).toBe(false)
  expect(office.denied()).toMatchObject({
    epoch: await record.epoch(),
    denied: [userIdOf(office.principal, ended)],
  })
})

test('a new record is adopted once, and what is granted under it is left whole', async () => {
  const record = office.emptied()
  await makeReady({ ...needs, record }, office.principal)
  const before = office.denied()
  await until(async () => (await needs.driver.now()) > Date.parse(before.issuedBefore) + 1_000)
  await checkEpoch({ ...needs, record })
  expect(office.denied()).toEqual(before)
})
