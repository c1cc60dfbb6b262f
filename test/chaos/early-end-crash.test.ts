import { describe, expect, test } from 'vitest'
import type { CallDescription } from '../sandbox/aws/call.ts'
import type { Held, HoldOptions } from '../sandbox/aws/faults.ts'
import { type Chaos, holdAll, withChaos } from './ground.ts'

/** The calls of one early end in their order, as AWS saw them. */
async function callsOfOneEarlyEnd(chaos: Chaos): Promise<readonly CallDescription[]> {
  const grantId = await chaos.active()
  const since = chaos.world.aws.journal.entries().length
  await end(chaos, grantId)
  await chaos.untilStatus(grantId, 'revoked')
  return chaos.workersCalls(since)
}

async function end({ world }: Chaos, grantId: string): Promise<void> {
  expect((await world.call('rita', `/grants/${grantId}/end`)).body.status).toBe('revoking')
}

/** Ends the grant and holds the last of these calls; those before it go through. */
async function endAndHoldLast(
  chaos: Chaos,
  grantId: string,
  calls: readonly CallDescription[],
  options: HoldOptions,
): Promise<Held> {
  let held: Held | undefined
  for (const [position, { service, action }] of calls.entries()) {
    const isLast = position === calls.length - 1
    const next = isLast
      ? holdAll(chaos, { service, action }, options)
      : chaos.world.aws.faults.hold({ service, action }, { when: 'before' })
    // The next hold stands before the call in front of it goes on.
    held?.release()
    if (!held) await end(chaos, grantId)
    await next.arrived
    held = next
  }
  if (!held) throw new Error('An early end asked nothing of AWS.')
  return held
}

/** What a dead process holds goes back when its time is over: here at once, because Redis cannot be told that a minute has passed. */
async function letLeasesLapse({ redis }: Chaos): Promise<number> {
  const leases = await redis.keys('{latchkey}:lease:*')
  for (const lease of leases) await redis.pexpire(lease, 1)
  return leases.length
}

/** "Revoked" was said, and at that moment AWS held the Deny. */
async function expectDeniedWhenSaid(chaos: Chaos, grantId: string): Promise<void> {
  const said = await chaos.audit('grant.revoked', grantId)
  expect(said).toHaveLength(1)
  expect(chaos.deny(said[0]?.at)?.denied).toContain(chaos.userId(grantId))
}

describe('workers that die at any call of an early end, before or after its effect', () => {
  test('leave it to the next ones: AWS refuses the grant, nothing was said before it did, and nobody else is refused', async () => {
    await withChaos(async (chaos) => {
      const { world } = chaos
      await world.startWorkers()
      const bystander = await chaos.vend(await chaos.active())
      const calls = await callsOfOneEarlyEnd(chaos)
      expect(calls.map(({ action }) => action)).toContain('PutRolePolicy')
      for (const position of calls.keys()) {
        for (const when of ['before', 'after'] as const) {
          const grantId = await chaos.active()
          const kept = await chaos.vend(grantId)
          expect(await chaos.write(kept)).toBe('written')
          const held = await endAndHoldLast(chaos, grantId, calls.slice(0, position + 1), { when })
          expect((await chaos.record(grantId)).status).toBe('revoking')
          expect(Number(await chaos.due(grantId))).toBeLessThanOrEqual(Date.now())
          await world.kill('workers', 'SIGKILL')
          held.drop()
          world.aws.faults.clear()
          expect(await chaos.audit('grant.revoked', grantId)).toEqual([])
          // The grant's and the role's: it was this early end that was met.
          expect(await letLeasesLapse(chaos)).toBe(2)

          await world.startWorkers()
          await chaos.untilStatus(grantId, 'revoked')
          expect(await chaos.write(kept)).toBe('AccessDenied')
          await expectDeniedWhenSaid(chaos, grantId)
          expect(await chaos.write(bystander)).toBe('written')
        }
      }
    })
  }, 120_000)
})
