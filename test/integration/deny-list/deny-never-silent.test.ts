import { afterAll, afterEach, describe, expect, test } from 'vitest'
import type { Job } from '../../../src/jobs/catalog.ts'
import { DENY_POLICY } from '../../../src/policies/deny-document.ts'
import { newId } from '../../../src/store/ids.ts'
import { LIVE } from '../../../src/store/indexes.ts'
import { activateGrant } from '../../../workers/activate-grant.ts'
import { reconcileGrants } from '../../../workers/reconcile-grants.ts'
import { revokeGrant } from '../../../workers/revoke-grant.ts'
import { openDenyOffice } from '../../fixtures/deny-list.ts'

/** Clocks, leases, queues and junk in Redis: none of them delays an early end without an alarm. */

const HOUR_MS = 3_600_000
const office = await openDenyOffice('never-silent')
const { deps, aws, record, redis, role, roleKey } = office
const lease = office.key('lease', `deny-${roleKey}`)

afterEach(async () => {
  aws.faults.clear()
  await redis.del(lease)
})
afterAll(() => office.close())

describe("with the record's clock set an hour forward", () => {
  const ahead = { ...deps, record: office.recordAhead(HOUR_MS) }

  test('an early end still goes to AWS', async () => {
    const grantId = await office.granted()
    const kept = await office.vend(grantId)
    await office.ending(grantId)
    await revokeGrant(ahead, grantId)
    expect((await office.grant(grantId)).status).toBe('revoked')
    expect(await office.canWrite(kept)).toBe(false)
  })

  test('no grant is called expired while AWS still allows it', async () => {
    const grantId = await office.granted()
    const kept = await office.vend(grantId)
    expect(await revokeGrant(ahead, grantId)).toMatchObject({ againAt: expect.any(Number) })
    expect((await office.grant(grantId)).status).toBe('active')
    expect(await office.canWrite(kept)).toBe(true)
  })

  test('an early end that AWS refuses is not taken for one on time', async () => {
    const grantId = await office.ending(await office.granted())
    aws.faults.fail({ action: 'PutRolePolicy' }, { code: 'AccessDenied', status: 403 })
    const late = { ...deps, record: office.recordAhead(3 * HOUR_MS) }
    await expect(revokeGrant(late, grantId)).rejects.toMatchObject({ code: 'AWS_REFUSED' })
    expect((await office.grant(grantId)).status).toBe('revoking')
    await revokeGrant(deps, grantId)
  })
})

describe("while somebody else holds a role's lease", () => {
  test('an early end is tried again, and after half a minute it is loud, in the audit once', async () => {
    const grantId = await office.ending(await office.granted())
    const held = await record.lease(`deny-${roleKey}`, 60_000)
    const late = { ...deps, record: office.recordAhead(31_000) }
    const from = office.ground.lines.length
    const lines = () => office.ground.lines.slice(from).filter(({ msg }) => msg === 'an early end is overdue')
    await revokeGrant(deps, grantId)
    expect(lines()).toHaveLength(0)
    for (const _attempt of [1, 2])
      expect(await revokeGrant(late, grantId)).toMatchObject({ againAt: expect.any(Number) })
    expect(lines()).toHaveLength(2)
    const alarms = (await office.events('alarm.revoke-overdue')).filter(
      (event) => 'grantId' in event && event.grantId === grantId,
    )
    expect(alarms).toHaveLength(1)
    await held?.release()
    await revokeGrant(deps, grantId)
    expect((await office.grant(grantId)).status).toBe('revoked')
  })

  test('an early end is loud too where somebody took out of the record when it was asked', async () => {
    const grantId = await office.ending(await office.granted())
    await office.older(grantId, 31_000)
    await office.overwrite(grantId, ({ end: _, ...grant }) => grant)
    const held = await record.lease(`deny-${roleKey}`, 60_000)
    await revokeGrant(deps, grantId)
    const alarms = await office.events('alarm.revoke-overdue')
    expect(alarms).toContainEqual(expect.objectContaining({ grantId }))
    await held?.release()
    await revokeGrant(deps, grantId)
    expect((await office.grant(grantId)).status).toBe('revoked')
  })

  test.each<readonly [string, () => Promise<unknown>]>([
    ['without an end', () => redis.set(lease, 'x')],
    ['for a day', () => redis.set(lease, 'x', 'EX', 86_400)],
    ['that is no text', () => redis.rpush(lease, 'x')],
  ])('a lease %s was not written by us, and keeps nobody out', async (_name, write) => {
    const grantId = await office.granted()
    await write()
    await office.revoked(grantId)
  })
})

test('a yes that becomes void while it is being activated is activated whole or not at all, without an alarm', async () => {
  const grantId = await office.approved()
  await office.older(grantId, HOUR_MS - 10_000)
  const voidAtMs = Date.parse((await office.grant(grantId)).terms.decidedAt) + HOUR_MS
  let asked = 0
  // Two seconds pass between two reads of the clock. The hour is over after the first read.
  const now = async () => voidAtMs - 1_000 + 2_000 * asked++
  await activateGrant({ ...deps, record: { ...record, now } }, grantId)
  expect(asked).toBeGreaterThan(1)
  expect((await office.grant(grantId)).status).toBe('active')
  expect(await office.canWrite(await office.vend(grantId))).toBe(true)
  expect(await office.events('alarm.yes-does-not-add-up')).toEqual([])
})

describe('the reconciler', () => {
  const named: Job[] = []
  const queue = { add: async (jobs: readonly Job[]) => void named.push(...jobs) }

  test('finds every live grant behind any number of ids that lead nowhere', async () => {
    const grantId = await office.ending(await office.granted())
    const index = office.key('index', LIVE.kind, LIVE.value)
    await redis.zadd(index, ...Array.from({ length: 1_200 }, (_, n) => [n, newId('g')]).flat())
    const junk = newId('g')
    await redis.set(office.key('grant', junk), 'no record')
    await redis.zadd(index, 0, junk)
    await reconcileGrants({ ...deps, queue })
    expect(named).toContainEqual(expect.objectContaining({ act: 'revoke', recordId: grantId }))
    await revokeGrant(deps, grantId)
  })

  test('looks at what AWS refuses though the queue takes nothing', async () => {
    const grantId = await office.revoked(await office.granted())
    await office.ending(await office.granted())
    role.inline.delete(DENY_POLICY, aws.clock.now())
    const down = { add: async () => Promise.reject(new Error('The queue is down.')) }
    await expect(reconcileGrants({ ...deps, queue: down })).rejects.toThrow('The queue is down.')
    expect(office.isDenied(grantId)).toBe(true)
  })
})

test('junk among those who wait for the same role holds no early end up', async () => {
  const grantId = await office.granted()
  const kept = await office.vend(grantId)
  const junk = newId('g')
  await redis.set(office.key('grant', junk), 'no record')
  await redis.zadd(office.key('index', 'revoking', roleKey), 0, junk)
  await office.revoked(grantId)
  expect(await office.canWrite(kept)).toBe(false)
})
