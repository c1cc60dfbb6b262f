import { describe, expect, test } from 'vitest'
import type { CallDescription } from '../../sandbox/aws/call.ts'
import type { Held, HoldOptions } from '../../sandbox/aws/faults.ts'
import { type Chaos, holdAll, withChaos } from '../fixtures/chaos.ts'

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

/**
 * Ends the grant and holds the last of these calls; earlier ones pass. Parallel calls come in any order, so each is counted among calls of its kind.
 * False: the grant was over before, because the workers made fewer calls than the ones that were recorded.
 */
async function endAndHoldLast(
  chaos: Chaos,
  grantId: string,
  calls: readonly CallDescription[],
  options: HoldOptions,
): Promise<boolean> {
  const [last, ...before] = [...calls].reverse().map(({ service, action }) => ({ service, action }))
  if (!last) throw new Error('An early end asked nothing of AWS.')
  for (const call of before) {
    const passing = chaos.world.aws.faults.hold(call, options)
    void passing.arrived.then(passing.release)
  }
  const held = holdAll(chaos, last, options)
  await end(chaos, grantId)
  const arrived = held.arrived.then(() => true)
  const met = await Promise.race([arrived, chaos.untilStatus(grantId, 'revoked').then(() => false)])
  if (met) await killAndDrop(chaos, held, grantId)
  return met
}

async function killAndDrop(chaos: Chaos, held: Held, grantId: string): Promise<void> {
  expect((await chaos.record(grantId)).status).toBe('revoking')
  expect(Number(await chaos.due(grantId))).toBeLessThanOrEqual(Date.now())
  await chaos.world.kill('workers', 'SIGKILL')
  held.drop()
  expect(await chaos.audit('grant.revoked', grantId)).toEqual([])
}

/** Removes the leases of a dead process, which would expire later. Redis's clock cannot be moved. */
async function letLeasesLapse({ redis }: Chaos): Promise<void> {
  for (const lease of await redis.keys('{latchkey}:lease:*')) await redis.pexpire(lease, 1)
}

/** When the grant became revoked, AWS already had the Deny. */
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
      const crashed: string[] = []
      for (const position of calls.keys()) {
        for (const when of ['before', 'after'] as const) {
          const grantId = await chaos.active()
          const kept = await chaos.vend(grantId)
          expect(await chaos.write(kept)).toBe('written')
          const met = await endAndHoldLast(chaos, grantId, calls.slice(0, position + 1), { when })
          world.aws.faults.clear()
          if (met) {
            crashed.push(`${when} ${calls[position]?.action}`)
            await letLeasesLapse(chaos)
            await world.startWorkers()
          }
          await chaos.untilStatus(grantId, 'revoked')
          expect(await chaos.write(kept)).toBe('AccessDenied')
          await expectDeniedWhenSaid(chaos, grantId)
          expect(await chaos.write(bystander)).toBe('written')
        }
      }
      expect(crashed).toEqual(expect.arrayContaining(['before PutRolePolicy', 'after PutRolePolicy']))
    })
  }, 120_000)
})
