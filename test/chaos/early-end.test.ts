import { DeleteRolePolicyCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam'
import { describe, expect, test, vi } from 'vitest'
import type { PersonName } from '../../sandbox/entra/fixture.ts'
import { DENY_POLICY } from '../../src/policies/deny-document.ts'
import { AWS_IS_DOWN, type Chaos, IN_TIME, untilTurnedAway, type VendedKeys, withChaos } from '../fixtures/chaos.ts'

const ROLE = { RoleName: 'prod', PolicyName: DENY_POLICY }

async function end({ world }: Chaos, grantId: string): Promise<void> {
  const { body } = await world.call('omar', `/grants/${grantId}/end`)
  expect([body.error, body.status]).toEqual([undefined, 'revoking'])
}

/** The jobs that sweeps added for the grant, oldest first. */
async function repairs({ redis }: Chaos, grantId: string): Promise<readonly string[]> {
  const keys = await redis.keys(`{latchkey}:revoke:revoke-${grantId}-s*`)
  return keys.filter((key) => !key.endsWith(':lock')).sort()
}

/** An administrator edits the role directly in AWS. */
async function asOwner({ world }: Chaos, edit: (owner: IAMClient) => Promise<unknown>): Promise<void> {
  const owner = new IAMClient({ region: 'us-east-1', endpoint: world.aws.url, credentials: world.seeded.keys.owner })
  try {
    await edit(owner)
  } finally {
    owner.destroy()
  }
}

interface ActiveSession {
  readonly by: PersonName
  readonly grantId: string
  readonly kept: VendedKeys
}

async function openSession(chaos: Chaos, by: PersonName, approver: PersonName): Promise<ActiveSession> {
  const grantId = await chaos.active({ by, approver })
  return { by, grantId, kept: await chaos.vend(grantId, by) }
}

/** One person's requests are made one after the other, because of the limit of pending requests. Several people's are made in parallel. */
async function openSessions(
  chaos: Chaos,
  by: PersonName,
  approver: PersonName,
  count: number,
): Promise<readonly ActiveSession[]> {
  const all: ActiveSession[] = []
  while (all.length < count) all.push(await openSession(chaos, by, approver))
  return all
}

/** The same random numbers in every run, so that a failure can be repeated (Park and Miller's generator). */
function chances(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
}

/** After each IAM call, chance decides whether the next call of either kind loses its reply. */
function loseRepliesAtRandom({ world }: Chaos, seed: number): { stop(): number } {
  const chance = chances(seed)
  let lost = 0
  const stop = world.aws.journal.subscribe(({ service }) => {
    if (service !== 'iam' || chance() > 0.4) return
    lost += 1
    world.aws.faults.loseReply({ service, action: chance() < 0.5 ? 'PutRolePolicy' : 'GetRolePolicy' })
  })
  return {
    stop() {
      stop()
      world.aws.faults.clear()
      return lost
    },
  }
}

describe.concurrent('an early end', () => {
  test('of one of two sessions of a role refuses exactly that one, be they of two people or of one', async () => {
    await withChaos(async (chaos) => {
      await chaos.world.startWorkers()
      const [first, second] = await openSessions(chaos, 'rita', 'max', 2)
      const other = await openSession(chaos, 'finn', 'max')
      if (!first || !second) throw new Error('Rita holds two grants.')
      await end(chaos, first.grantId)
      await chaos.untilStatus(first.grantId, 'revoked')
      const seen = await Promise.all([first, second, other].map(({ kept }) => chaos.write(kept)))
      expect(seen).toEqual(['AccessDenied', 'written', 'written'])
      expect(await chaos.write(await chaos.vend(second.grantId))).toBe('written')
    })
  }, 120_000)

  test('while AWS is down is loud, does not heap up jobs, and succeeds when AWS is back', async () => {
    await withChaos(async (chaos) => {
      const { world } = chaos
      await world.startWorkers()
      const { grantId, kept } = await openSession(chaos, 'rita', 'max')
      for (const service of ['iam', 'sts'] as const) world.aws.faults.fail({ service }, AWS_IS_DOWN)
      const since = world.aws.journal.entries().length
      await end(chaos, grantId)
      await untilTurnedAway(chaos, 'GetRolePolicy', since)
      await vi.waitFor(() => expect(world.output()).toContain('an early end is not in force yet'), IN_TIME)
      await vi.waitFor(async () => expect(await repairs(chaos, grantId)).not.toEqual([]), IN_TIME)
      const [firstRepair] = await repairs(chaos, grantId)
      await vi.waitFor(async () => expect(await chaos.audit('alarm.revoke-overdue', grantId)).toHaveLength(1), IN_TIME)
      expect(await chaos.audit('grant.revoked', grantId)).toEqual([])
      expect((await chaos.readGrant(grantId)).status).toBe('revoking')
      expect((await world.call('rita', `/grants/${grantId}/credentials`)).body.error?.code).toBe('OVER')
      await vi.waitFor(async () => expect(await repairs(chaos, grantId)).not.toContain(firstRepair), IN_TIME)

      world.aws.faults.clear()
      await chaos.untilStatus(grantId, 'revoked')
      expect(await chaos.write(kept)).toBe('AccessDenied')
      expect(await chaos.audit('alarm.revoke-overdue', grantId)).toHaveLength(1)
    })
  }, 150_000)

  test('whose answers were all lost is decided by what AWS reads back', async () => {
    await withChaos(async (chaos) => {
      const { world } = chaos
      await world.startWorkers()
      const { grantId, kept } = await openSession(chaos, 'rita', 'max')
      // As many times as the SDK sends the call.
      world.aws.faults.loseReply({ service: 'iam', action: 'PutRolePolicy' }, 3)
      await end(chaos, grantId)
      await chaos.untilStatus(grantId, 'revoked')
      expect(await chaos.write(kept)).toBe('AccessDenied')
      expect(world.output()).not.toContain('an early end is not in force yet')
    })
  }, 120_000)

  test('that the owner of the account edits or removes by hand is put back, every id included', async () => {
    await withChaos(async (chaos) => {
      const { world } = chaos
      await world.startWorkers()
      const ended = await openSessions(chaos, 'rita', 'max', 2)
      const bystander = await openSession(chaos, 'finn', 'max')
      for (const { grantId } of ended) await end(chaos, grantId)
      for (const { grantId } of ended) await chaos.untilStatus(grantId, 'revoked')
      const whole = chaos.deny()
      expect(whole?.denied).toEqual(ended.map(({ grantId }) => chaos.userId(grantId)).sort())

      const nothing = { Effect: 'Deny', Action: 's3:DeleteBucket', Resource: '*' }
      const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement: [nothing] })
      await asOwner(chaos, (owner) => owner.send(new PutRolePolicyCommand({ ...ROLE, PolicyDocument })))
      for (const { kept } of ended) expect(await chaos.write(kept)).toBe('written')
      const again = { epoch: whole?.epoch, denied: whole?.denied }
      await vi.waitFor(() => expect(chaos.deny()).toMatchObject(again), IN_TIME)
      for (const { kept } of ended) expect(await chaos.write(kept)).toBe('AccessDenied')

      await asOwner(chaos, (owner) => owner.send(new DeleteRolePolicyCommand(ROLE)))
      // Workers reconcile when they start. The round above was one of running workers.
      await world.kill('workers', 'SIGTERM')
      await world.startWorkers()
      await vi.waitFor(() => expect(chaos.deny()).toMatchObject(again), IN_TIME)
      for (const { kept } of ended) expect(await chaos.write(kept)).toBe('AccessDenied')
      // Sessions from before the edit may be refused with the others, because nobody knows what the edit removed. The grant itself is not over.
      const vendAgain = async () => chaos.write(await chaos.vend(bystander.grantId, 'finn'))
      await vi.waitFor(async () => expect(await vendAgain()).toBe('written'), IN_TIME)
    })
  }, 150_000)

  test('forty times at once through three workers, while answers are lost, refuses each of them and nobody else', async () => {
    await withChaos(async (chaos) => {
      const { world } = chaos
      await Promise.all([world.startWorkers(), world.startWorkers(), world.startWorkers()])
      const [ritas, finns, nilses] = await Promise.all([
        openSessions(chaos, 'rita', 'max', 15),
        openSessions(chaos, 'finn', 'max', 15),
        openSessions(chaos, 'nils', 'dana', 14),
      ])
      const all = [...ritas, ...finns, ...nilses]
      const [ending, bystanders] = [all.slice(0, 40), all.slice(40)]
      const losses = loseRepliesAtRandom(chaos, 20_261_122)
      await Promise.all(ending.map(({ grantId }) => end(chaos, grantId)))
      for (const { grantId } of ending) await chaos.untilStatus(grantId, 'revoked')
      expect(losses.stop()).toBeGreaterThan(0)
      for (const { kept } of ending) expect(await chaos.write(kept)).toBe('AccessDenied')
      for (const { kept } of bystanders) expect(await chaos.write(kept)).toBe('written')
      for (const { grantId } of ending) {
        const said = await chaos.audit('grant.revoked', grantId)
        expect(said).toHaveLength(1)
        expect(chaos.deny(said[0]?.at)?.denied).toContain(chaos.userId(grantId))
      }
    })
  }, 150_000)
})
