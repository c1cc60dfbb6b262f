import { afterAll, afterEach, expect, test } from 'vitest'
import { z } from 'zod'
import { checkEpoch, reconcileDueRole } from '../../../src/grants/recovery/epoch.ts'
import { DENY_POLICY } from '../../../src/policies/deny-document.ts'
import { revokeGrant } from '../../../workers/revoke-grant.ts'
import { sweepDue } from '../../../workers/sweep-due.ts'
import { openDenyListUseCases } from '../../fixtures/deny-list.ts'
import { until } from '../../fixtures/redis-record.ts'

const useCases = await openDenyListUseCases('late')
const { deps, aws, roleKey } = useCases

afterEach(() => aws.faults.clear())
afterAll(() => useCases.close())

const deny = z.object({ version: z.coerce.number(), json: z.string() })
const written = z.object({ writtenAt: z.string() })

async function denyListSchema(): Promise<{ readonly version: number; readonly writtenAtMs: number }> {
  const { version, json } = deny.parse(await useCases.redis.hgetall(useCases.key('deny', roleKey)))
  return { version, writtenAtMs: Date.parse(written.parse(JSON.parse(json)).writtenAt) }
}

async function dueAt(): Promise<number | undefined> {
  const entries = await useCases.record.due('roles', Number.MAX_SAFE_INTEGER, 10)
  return entries.find(({ id }) => id === roleKey)?.at
}

/** A write that AWS received before Latchkey gave it up, and that AWS carries out only after a later write was verified. It leaves the denial of `lifted` out. */
async function lateWrite() {
  const [first, lifted] = [await useCases.granted(), await useCases.granted()]
  const kept = await useCases.vend(lifted)
  const held = aws.faults.hold({ action: 'PutRolePolicy' }, { when: 'before' })
  await useCases.revoked(first)
  await useCases.revoked(lifted)
  expect(await useCases.canWrite(kept)).toBe(false)
  held.release()
  await until(() => !useCases.isDenied(lifted))
  expect(await useCases.canWrite(kept)).toBe(true)
  return { kept, lifted }
}

test('a write that lands late and lifts a verified denial is put back at the next look, and the audit says so', async () => {
  const { kept, lifted } = await lateWrite()
  const before = await useCases.events('deny.put-back')
  const { writtenAtMs } = await denyListSchema()
  expect(await dueAt()).toBe(writtenAtMs + 10_000)
  await reconcileDueRole({ ...deps, record: useCases.recordAhead(10_000) }, roleKey)
  expect(useCases.isDenied(lifted)).toBe(true)
  expect(await useCases.canWrite(kept)).toBe(false)
  expect(await useCases.events('deny.put-back')).toHaveLength(before.length + 1)
  const warned = useCases.fixture.lines.filter(({ level }) => level === 40).map(({ msg }) => msg)
  expect(warned).toContain('somebody changed or deleted a Deny document in AWS: it was put back')
})

test('the sweeper comes to a role whose look is due', async () => {
  const { kept, lifted } = await lateWrite()
  const record = useCases.recordAhead(10_000)
  const nothing = async () => {}
  const sweeper = sweepDue({
    record,
    queue: { add: nothing },
    log: useCases.fixture.log,
    revokeNow: nothing,
    lapse: nothing,
    keepRole: (id) => reconcileDueRole({ ...deps, record }, id),
    keepTarget: nothing,
    syncMessages: nothing,
    deliverSecurityNotice: nothing,
  })
  await until(() => useCases.isDenied(lifted))
  await sweeper.stop()
  expect(await useCases.canWrite(kept)).toBe(false)
})

test('AWS is looked at ten seconds and a minute after a write, then when the next id leaves', async () => {
  const grantId = await useCases.revoked(await useCases.granted())
  const { writtenAtMs } = await denyListSchema()
  expect(await dueAt()).toBe(writtenAtMs + 10_000)
  const verified = await useCases.events('deny.verified')
  await reconcileDueRole(useCases.later(11_000), roleKey)
  expect(await dueAt()).toBe(writtenAtMs + 60_000)
  await reconcileDueRole(useCases.later(61_000), roleKey)
  expect(await useCases.events('deny.verified')).toHaveLength(verified.length + 2)
  const { terms } = await useCases.grant(grantId)
  expect(await dueAt()).toBeLessThanOrEqual(Date.parse(terms.decidedAt) + (60 + 30 + 5) * 60_000)
  expect(await dueAt()).toBeGreaterThan(writtenAtMs + 60_000)
})

test('a round that finds all as it was leaves no trace', async () => {
  await useCases.revoked(await useCases.granted())
  await checkEpoch(deps)
  const [{ version }, events] = [await denyListSchema(), await useCases.redis.xlen(useCases.key('audit'))]
  await checkEpoch(deps)
  expect((await denyListSchema()).version).toBe(version)
  expect(await useCases.redis.xlen(useCases.key('audit'))).toBe(events)
})

test('a denial that another write carried along is called revoked only while AWS holds it', async () => {
  const grantId = await useCases.granted()
  const kept = await useCases.vend(grantId)
  await useCases.ending(grantId)
  await useCases.revoked(await useCases.granted())
  expect(useCases.isDenied(grantId)).toBe(true)
  useCases.role.inline.delete(DENY_POLICY, aws.clock.now())
  await revokeGrant(deps, grantId)
  expect((await useCases.grant(grantId)).status).toBe('revoked')
  expect(await useCases.canWrite(kept)).toBe(false)
})
