import { describe, expect, test, vi } from 'vitest'
import {
  AWS_IS_DOWN,
  type Chaos,
  expectNothingSince,
  IN_TIME,
  untilTurnedAway,
  type VendedKeys,
  withChaos,
} from '../fixtures/chaos.ts'

/** These tests wait for a real minute, so they run at the same time. */

async function untilRefused(chaos: Chaos, kept: VendedKeys): Promise<void> {
  await vi.waitFor(async () => expect(await chaos.write(kept)).toBe('AccessDenied'), { ...IN_TIME, interval: 1_000 })
}

async function expectExpiredOnTime(chaos: Chaos, grantId: string): Promise<void> {
  await chaos.untilStatus(grantId, 'expired')
  const { endsAt = '' } = await chaos.record(grantId)
  expectNothingSince(chaos, grantId, endsAt)
  const ends = await chaos.audit('grant.expired', grantId)
  expect(ends).toHaveLength(1)
  expect(ends[0]?.at).toBeGreaterThanOrEqual(Date.parse(endsAt))
  expect(await chaos.due(grantId)).toBeNull()
}

/** Deletes everything that BullMQ keeps of both queues. The record stays. */
async function deleteQueues({ redis }: Chaos): Promise<void> {
  const patterns = ['{latchkey}:revoke:*', '{latchkey}:activate:*']
  const keys = (await Promise.all(patterns.map((pattern) => redis.keys(pattern)))).flat()
  expect(keys.length).toBeGreaterThan(0)
  await redis.del(...keys)
}

async function expectNotFound({ world }: Chaos, grantId: string): Promise<void> {
  const { body } = await world.call('rita', `/grants/${grantId}/credentials`)
  expect(body.error?.code).toBe('NOT_FOUND')
}

describe.concurrent('every grant ends', () => {
  test('on time without any worker: AWS refuses, the web does not vend, and workers that come back say expired', async () => {
    await withChaos(async (chaos) => {
      const { world } = chaos
      await world.startWorkers()
      const grantId = await chaos.active({ minutes: 1 })
      const kept = await chaos.vend(grantId)
      expect(await chaos.write(kept)).toBe('written')
      await world.kill('workers', 'SIGKILL')

      await untilRefused(chaos, kept)
      const { body } = await world.call('rita', `/grants/${grantId}/credentials`)
      expect(body.error?.code).toBe('OVER')
      expect((await chaos.record(grantId)).status).toBe('active')

      await world.startWorkers()
      await expectExpiredOnTime(chaos, grantId)
    })
  }, 170_000)

  test('after the whole queue was deleted: those that live, that wait for their revocation, and that wait to begin', async () => {
    await withChaos(async (chaos) => {
      const { world } = chaos
      const { aws } = world
      await world.startWorkers()
      const live = [await chaos.active({ minutes: 1 }), await chaos.active({ minutes: 1, by: 'finn' })]
      const ending = [await chaos.active(), await chaos.active()]
      const kept = await Promise.all(ending.map((id) => chaos.vend(id)))
      const asked = await chaos.ask()
      aws.faults.fail({ service: 'iam' }, AWS_IS_DOWN)
      const since = aws.journal.entries().length
      for (const id of ending) await world.call('max', `/grants/${id}/end`)
      await untilTurnedAway(chaos, 'GetRolePolicy', since)
      aws.faults.fail({ service: 'sts' }, AWS_IS_DOWN)
      const waiting = await chaos.approve(asked)
      await untilTurnedAway(chaos, 'AssumeRole', since)

      await deleteQueues(chaos)
      aws.faults.clear()
      for (const id of ending) await chaos.untilStatus(id, 'revoked')
      for (const one of kept) expect(await chaos.write(one)).toBe('AccessDenied')
      await chaos.untilStatus(waiting, 'active')
      for (const id of live) await expectExpiredOnTime(chaos, id)
    })
  }, 170_000)

  test('after Redis died and came back: nothing is lost, commands in between answer 503, and vending goes on', async () => {
    await withChaos(async (chaos) => {
      const { world } = chaos
      await world.startWorkers()
      const short = await chaos.active({ minutes: 1 })
      const long = await chaos.active()
      const requestId = await chaos.ask({ by: 'finn' })
      const kept = await chaos.vend(short)
      const before = await chaos.audit('grant.activated')
      await world.privateRedis?.kill9()
      const answers = await Promise.all([
        world.call('rita', '/requests', {
          scope: 's3://finance-reports/',
          levels: ['read'],
          reason: 'while it is down',
        }),
        world.call('max', `/requests/${requestId}/reviews`, { decision: 'approve', comment: '' }),
        world.call('rita', `/grants/${long}/credentials`),
        world.call('rita', `/grants/${long}/end`),
        world.call('rita', `/grants/${long}`),
      ])
      expect(answers.map(({ status, body }) => [status, body.error?.code])).toEqual(
        answers.map(() => [503, 'UNAVAILABLE']),
      )
      expect(await chaos.write(kept)).toBe('written')

      await world.privateRedis?.restart()
      await vi.waitFor(async () => expect(await chaos.audit('grant.activated')).toEqual(before), IN_TIME)
      await vi.waitFor(async () => expect((await chaos.readGrant(long)).status).toBe('active'), IN_TIME)
      expect(await chaos.write(await chaos.vend(long))).toBe('written')
      await chaos.untilStatus(await chaos.approve(requestId), 'active')
      expect((await world.call('rita', `/grants/${long}/end`)).body.status).toBe('revoking')
      await chaos.untilStatus(long, 'revoked')
      await untilRefused(chaos, kept)
      await expectExpiredOnTime(chaos, short)
    })
  }, 170_000)
})

describe.concurrent('a record that is lost', () => {
  test('a Redis that was emptied grants nothing before AWS refuses every session from before; who was denied stays denied', async () => {
    await withChaos(async (chaos) => {
      const { world } = chaos
      await world.startWorkers()
      const forgotten = await chaos.active()
      const kept = await chaos.vend(forgotten)
      const denied = await chaos.active({ by: 'finn' })
      const refused = await chaos.vend(denied, 'finn')
      expect((await world.call('finn', `/grants/${denied}/end`)).body.status).toBe('revoking')
      await chaos.untilStatus(denied, 'revoked')
      expect([await chaos.write(kept), await chaos.write(refused)]).toEqual(['written', 'AccessDenied'])
      const before = chaos.deny()

      await chaos.redis.flushall()
      await expectNotFound(chaos, forgotten)
      // Requested and approved through web alone; no worker has reconciled yet. A newly started worker does not wait for the next round.
      const fresh = await chaos.approved()
      await world.startWorkers()
      await chaos.untilStatus(fresh, 'active')
      const [activated] = await chaos.audit('grant.activated', fresh)
      const [adopted] = await chaos.audit('epoch.adopted')
      expect(adopted?.at).toBeLessThan(activated?.at ?? 0)
      const held = chaos.deny(adopted?.at)
      expect(held?.epoch).not.toBe(before?.epoch)
      expect(held?.epoch).toBe(await chaos.redis.get('{latchkey}:epoch'))
      expect(held?.denied).toContain(chaos.userId(denied))
      for (const old of [kept, refused]) expect(await chaos.write(old)).toBe('AccessDenied')

      expect(await chaos.write(await chaos.vend(fresh))).toBe('written')
      expect((await world.call('rita', `/grants/${fresh}/end`)).body.status).toBe('revoking')
      await chaos.untilStatus(fresh, 'revoked')
      await vi.waitFor(
        async () =>
          expect(chaos.deny()?.denied).toEqual(expect.arrayContaining([chaos.userId(denied), chaos.userId(fresh)])),
        IN_TIME,
      )
    })
  }, 150_000)
})
