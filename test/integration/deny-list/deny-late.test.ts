import { afterAll, afterEach, expect, test } from 'vitest'
import { z } from 'zod'
import { checkEpoch, reconcileDueRole } from '../../../src/grants/recovery/epoch.ts'
import { DENY_POLICY } from '../../../src/policies/deny-document.ts'
import { revokeGrant } from '../../../workers/revoke-grant.ts'
import { sweepDue } from '../../../workers/sweep-due.ts'
import { openDenyOffice } from '../../fixtures/deny-list.ts'
import { until } from '../../fixtures/redis-record.ts'

const office = await openDenyOffice('late')
const { deps, aws, roleKey } = office

afterEach(() => aws.faults.clear())
afterAll(() => office.close())

const deny = z.object({ version: z.coerce.number(), json: z.string() })
const written = z.object({ writtenAt: z.string() })

async function denyListSchema(): Promise<{ readonly version: number; readonly writtenAtMs: number }> {
  const { version, json } = deny.parse(await office.redis.hgetall(office.key('deny', roleKey)))
  return { version, writtenAtMs: Date.parse(written.parse(JSON.parse(json)).writtenAt) }
}

async function dueAt(): Promise<number | undefined> {
  const entries = await office.record.due('roles', Number.MAX_SAFE_INTEGER, 10)
  return entries.find(({ id }) => id === roleKey)?.at
}

/** A write that AWS received before Latchkey gave it up, and that AWS carries out only after a later write was verified. It leaves the denial of `lifted` out. */
async function lateWrite() {
  const [first, lifted] = [await office.granted(), await office.granted()]
  const kept = await office.vend(lifted)
  const held = aws.faults.hold({ action: 'PutRolePolicy' }, { when: 'before' })
  await office.revoked(first)
  await office.revoked(lifted)
  expect(await office.canWrite(kept)).toBe(false)
  held.release()
  await until(() => !office.isDenied(lifted))
  expect(await office.canWrite(kept)).toBe(true)
  return { kept, lifted }
}

test('a write that lands late and lifts a verified denial is put back at the next look, and the audit says so', async () => {
  const { kept, lifted } = await lateWrite()
  const before = await office.events('deny.put-back')
  const { writtenAtMs } = await denyListSchema()
  expect(await dueAt()).toBe(writtenAtMs + 10_000)
  await reconcileDueRole({ ...deps, record: office.recordAhead(10_000) }, roleKey)
  expect(office.isDenied(lifted)).toBe(true)
  expect(await office.canWrite(kept)).toBe(false)
  expect(await office.events('deny.put-back')).toHaveLength(before.length + 1)
  const warned = office.ground.lines.filter(({ level }) => level === 40).map(({ msg }) => msg)
  expect(warned).toContain('somebody changed or deleted a Deny document in AWS: it was put back')
})

test('the sweeper comes to a role whose look is due', async () => {
  const { kept, lifted } = await lateWrite()
  const record = office.recordAhead(10_000)
  const nothing = async () => {}
  const sweeper = sweepDue({
    record,
    queue: { add: nothing },
    log: office.ground.log,
    revokeNow: nothing,
    lapse: nothing,
    keepRole: (id) => reconcileDueRole({ ...deps, record }, id),
    keepTarget: nothing,
    syncMessages: nothing,
    deliverSecurityNotice: nothing,
  })
  await until(() => office.isDenied(lifted))
  await sweeper.stop()
  expect(await office.canWrite(kept)).toBe(false)
})

test('AWS is looked at ten seconds and a minute after a write, then when the next id leaves', async () => {
  const grantId = await office.revoked(await office.granted())
  const { writtenAtMs } = await denyListSchema()
  expect(await dueAt()).toBe(writtenAtMs + 10_000)
  const looks = await office.events('deny.verified')
  await reconcileDueRole(office.later(11_000), roleKey)
  expect(await dueAt()).toBe(writtenAtMs + 60_000)
  await reconcileDueRole(office.later(61_000), roleKey)
  expect(await office.events('deny.verified')).toHaveLength(looks.length + 2)
  const { terms } = await office.grant(grantId)
  expect(await dueAt()).toBeLessThanOrEqual(Date.parse(terms.decidedAt) + (60 + 30 + 5) * 60_000)
  expect(await dueAt()).toBeGreaterThan(writtenAtMs + 60_000)
})

test('a round that finds all as it was leaves no trace', async () => {
  await office.revoked(await office.granted())
  await checkEpoch(deps)
  const [{ version }, events] = [await denyListSchema(), await office.redis.xlen(office.key('audit'))]
  await checkEpoch(deps)
  expect((await denyListSchema()).version).toBe(version)
  expect(await office.redis.xlen(office.key('audit'))).toBe(events)
})

test('a denial that another write carried along is called revoked only while AWS holds it', async () => {
  const grantId = await office.granted()
  const kept = await office.vend(grantId)
  await office.ending(grantId)
  await office.revoked(await office.granted())
  expect(office.isDenied(grantId)).toBe(true)
  office.role.inline.delete(DENY_POLICY, aws.clock.now())
  await revokeGrant(deps, grantId)
  expect((await office.grant(grantId)).status).toBe('revoked')
  expect(await office.canWrite(kept)).toBe(false)
})
