import { describe, expect, test, vi } from 'vitest'
import { IN_TIME, sessionsOf, withChaos } from '../fixtures/chaos.ts'

const TEN_MINUTES_MS = 600_000

describe.concurrent('while somebody else is not there', () => {
  test('Graph is down: a review answers 503 and decides nothing, an activation waits, and both go on afterwards', async () => {
    await withChaos(async (chaos) => {
      const { world } = chaos
      const waiting = await chaos.approved()
      const requestId = await chaos.ask({ by: 'finn' })
      world.entra.faults.fail('graph', { kind: 'down' })
      const review = { decision: 'approve', comment: '' }
      const { status, body } = await world.call('max', `/requests/${requestId}/reviews`, review)
      expect([status, body.error?.code]).toEqual([503, 'UNAVAILABLE'])
      expect((await world.call('finn', `/requests/${requestId}`)).body.status).toBe('pending')

      const struck = world.entra.faults.struck('graph')
      await world.startWorkers()
      await vi.waitFor(() => expect(world.entra.faults.struck('graph')).toBeGreaterThan(struck), IN_TIME)
      await vi.waitFor(() => expect(world.output()).toContain('a job failed'), IN_TIME)
      expect((await chaos.record(waiting)).status).toBe('activating')
      expect(sessionsOf(chaos, waiting)).toEqual([])

      world.entra.faults.heal()
      await chaos.untilStatus(waiting, 'active')
      await chaos.untilStatus(await chaos.approve(requestId), 'active')
    })
  }, 150_000)

  test("AWS's clock is ten minutes off: nothing is activated, the grant ends with the reason, and AWS refuses its session", async () => {
    await withChaos(async (chaos) => {
      const { world } = chaos
      await world.startWorkers()
      await chaos.active()
      world.aws.clock.advance(TEN_MINUTES_MS)
      const grantId = await chaos.approved()
      await chaos.untilStatus(grantId, 'revoked')
      expect(await chaos.audit('grant.activated', grantId)).toEqual([])
      const [asked] = await chaos.audit('grant.end-asked', grantId)
      expect(asked?.event).toMatchObject({ cause: 'activation-failed', detail: expect.stringContaining('ClockSkew') })
      expect(sessionsOf(chaos, grantId)).not.toEqual([])
      for (const session of sessionsOf(chaos, grantId)) expect(await chaos.write(session)).toBe('AccessDenied')
      expect((await world.call('rita', `/grants/${grantId}/credentials`)).body.error?.code).toBe('OVER')
    })
  }, 150_000)
})
