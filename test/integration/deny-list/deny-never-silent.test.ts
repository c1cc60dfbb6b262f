import { afterAll, afterEach, describe, expect, test } from 'vitest'
import type { Job } from '../../../src/jobs/catalog.ts'
import { DENY_POLICY } from '../../../src/policies/deny-document.ts'
import { newId } from '../../../src/store/ids.ts'
import { LIVE } from '../../../src/store/indexes.ts'
import { activateGrant } from '../../../workers/activate-grant.ts'
import { reconcileGrants } from '../../../workers/reconcile-grants.ts'
import { revokeGrant } from '../../../workers/revoke-grant.ts'
import { openDenyListUseCases } from '../../fixtures/deny-list.ts'

/** Clocks, leases, queues and junk in Redis: none of them delays an early end without an alarm. */

const HOUR_MS = 3_600_000
const useCases = await openDenyListUseCases('never-silent')
const { deps, aws, record, redis, role, roleKey } = useCases
const lease = useCases.key('lease', `deny-${roleKey}`)

afterEach(async () => {
  aws.faults.clear()
  await redis.del(lease)
})
afterAll(() => useCases.close())

describe("with the record's clock set an hour forward", () => {
  const ahead = { ...deps, record: useCases.recordAhead(HOUR_MS) }

  test('an early end still goes to AWS', async () => {
    const grantId = await useCases.granted()
    const kept = await useCases.vend(grantId)
    await useCases.ending(grantId)
    await revokeGrant(ahead, grantId)
    expect((await useCases.grant(grantId)).status).toBe('revoked')
    expect(await useCases.canWrite(kept)).toBe(false)
  })

  test('no grant is called expired while AWS still allows it', async () => {
    const grantId = await useCases.granted()
    const kept = await useCases.vend(grantId)
    expect(await revokeGrant(ahead, grantId)).toMatchObject({ againAt: expect.any(Number) })
    expect((await useCases.grant(grantId)).status).toBe('active')
    expect(await useCases.canWrite(kept)).toBe(true)
  })

  test('an early end that AWS refuses is not taken for one on time', async () => {
    const grantId = await useCases.ending(await useCases.granted())
    aws.faults.fail({ action: 'PutRolePolicy' }, { code: 'AccessDenied', status: 403 })
    const late = { ...deps, record: useCases.recordAhead(3 * HOUR_MS) }
    await expect(revokeGrant(late, grantId)).rejects.toMatchObject({ code: 'AWS_REFUSED' })
    expect((await useCases.grant(grantId)).status).toBe('revoking')
    await revokeGrant(deps, grantId)
  })
})

describe("while somebody else holds a role's lease", () => {
  test('an early end is tried again, and after half a minute it is loud, in the audit once', async () => {
    const grantId = await useCases.ending(await useCases.granted())
    const held = await record.lease(`deny-${roleKey}`, 60_000)
    const late = { ...deps, record: useCases.recordAhead(31_000) }
    const from = useCases.fixture.lines.length
    const lines = () => useCases.fixture.lines.slice(from).filter(({ msg }) => msg === 'an early end is overdue')
    await revokeGrant(deps, grantId)
    expect(lines()).toHaveLength(0)
    for (const _attempt of [1, 2])
      expect(await revokeGrant(late, grantId)).toMatchObject({ againAt: expect.any(Number) })
    expect(lines()).toHaveLength(2)
    const alarms = (await useCases.events('alarm.revoke-overdue')).filter(
      (event) => 'grantId' in event && event.grantId === grantId,
    )
    expect(alarms).toHaveLength(1)
    await held?.release()
    await revokeGrant(deps, grantId)
    expect((await useCases.grant(grantId)).status).toBe('revoked')
  })

  test('an early end is loud too where somebody took out of the record when it was asked', async () => {
    const grantId = await useCases.ending(await useCases.granted())
    await useCases.backdate(grantId, 31_000)
    await useCases.overwrite(grantId, ({ end: _, ...grant }) => grant)
    const held = await record.lease(`deny-${roleKey}`, 60_000)
    await revokeGrant(deps, grantId)
    const alarms = await useCases.events('alarm.revoke-overdue')
    expect(alarms).toContainEqual(expect.objectContaining({ grantId }))
    await held?.release()
    await revokeGrant(deps, grantId)
    expect((await useCases.grant(grantId)).status).toBe('revoked')
  })

  test.each<readonly [string, () => Promise<unknown>]>([
    ['without an end', () => redis.set(lease, 'x')],
    ['for a day', () => redis.set(lease, 'x', 'EX', 86_400)],
    ['that is no text', () => redis.rpush(lease, 'x')],
  ])('a lease %s was not written by us, and keeps nobody out', async (_name, write) => {
    const grantId = await useCases.granted()
    await write()
    await useCases.revoked(grantId)
  })
})

test('a yes that becomes void while it is being activated is activated whole or not at all, without an alarm', async () => {
  const grantId = await useCases.approved()
  await useCases.backdate(grantId, HOUR_MS - 10_000)
  const voidAtMs = Date.parse((await useCases.grant(grantId)).terms.decidedAt) + HOUR_MS
  let asked = 0
  // Two seconds pass between two reads of the clock. The hour is over after the first read.
  const now = async () => voidAtMs - 1_000 + 2_000 * asked++
  await activateGrant({ ...deps, record: { ...record, now } }, grantId)
  expect(asked).toBeGreaterThan(1)
  expect((await useCases.grant(grantId)).status).toBe('active')
  expect(await useCases.canWrite(await useCases.vend(grantId))).toBe(true)
  expect(await useCases.events('alarm.yes-does-not-add-up')).toEqual([])
})

describe('the reconciler', () => {
  const named: Job[] = []
  const queue = { add: async (jobs: readonly Job[]) => void named.push(...jobs) }

  test('finds every live grant behind any number of ids that lead nowhere', async () => {
    const grantId = await useCases.ending(await useCases.granted())
    const index = useCases.key('index', LIVE.kind, LIVE.value)
    await redis.zadd(index, ...Array.from({ length: 1_200 }, (_, n) => [n, newId('g')]).flat())
    const junk = newId('g')
    await redis.set(useCases.key('grant', junk), 'no record')
    await redis.zadd(index, 0, junk)
    await reconcileGrants({ ...deps, queue })
    expect(named).toContainEqual(expect.objectContaining({ act: 'revoke', recordId: grantId }))
    await revokeGrant(deps, grantId)
  })

  test('looks at what AWS refuses though the queue takes nothing', async () => {
    const grantId = await useCases.revoked(await useCases.granted())
    await useCases.ending(await useCases.granted())
    role.inline.delete(DENY_POLICY, aws.clock.now())
    const down = { add: async () => Promise.reject(new Error('The queue is down.')) }
    await expect(reconcileGrants({ ...deps, queue: down })).rejects.toThrow('The queue is down.')
    expect(useCases.isDenied(grantId)).toBe(true)
  })
})

test('junk among those who wait for the same role holds no early end up', async () => {
  const grantId = await useCases.granted()
  const kept = await useCases.vend(grantId)
  const junk = newId('g')
  await redis.set(useCases.key('grant', junk), 'no record')
  await redis.zadd(useCases.key('index', 'revoking', roleKey), 0, junk)
  await useCases.revoked(grantId)
  expect(await useCases.canWrite(kept)).toBe(false)
})
