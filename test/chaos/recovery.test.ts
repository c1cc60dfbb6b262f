import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { longLivedKeyId, secretKey } from '../../sandbox/aws/state.ts'
import { wordsOf } from '../../sandbox/demo/rooms.ts'
import { type Chaos, type VendedKeys, withChaos } from '../fixtures/chaos.ts'
import { APP_ID, RECOVERY_SEED, RULES_WITH_CHANNEL } from '../fixtures/recovery-rules.ts'

/** Latchkey dies or loses its data. What AWS enforces follows from the documents in AWS alone. */

const OPTIONS = { rules: RULES_WITH_CHANNEL, seed: RECOVERY_SEED, teams: { appId: APP_ID } }

const CLI = fileURLToPath(new URL('../../dist/src/cli.js', import.meta.url))

/** Runs `latchkey recover` on the server. @throws with its output when it exits with another status than 0 */
function recover({ world }: Chaos, ...options: readonly string[]) {
  return promisify(execFile)(process.execPath, [CLI, 'recover', ...options], { env: world.environment('workers') })
}

/** Finn's own access key. */
function keyOfFinn({ world: { aws } }: Chaos): VendedKeys {
  const key = { accessKeyId: longLivedKeyId(), secretAccessKey: secretKey() }
  aws.state.accessKeys.set(key.accessKeyId, { ...key, userName: 'finn', createdAt: aws.clock.now() })
  return { ...key, sessionToken: '' }
}

function attached({ world: { aws } }: Chaos): readonly string[] {
  const held = aws.state.users.get('finn')?.inline.current().keys() ?? []
  return [...held].filter((name) => name.startsWith('latchkey.'))
}

/** The messages in the security channel, once there are this many. */
async function told({ world: { teams } }: Chaos, count: number): Promise<readonly string[]> {
  return await teams.waitFor(() => {
    const posted = teams.conversation('dana', 'channel').map(wordsOf)
    return posted.length >= count && posted
  })
}

/** A session of Rita and a grant on Finn's own user, both in use. */
async function twoGrants(chaos: Chaos, minutes = 45) {
  await chaos.world.teams.open('dana', 'channel')
  await chaos.world.startWorkers()
  const own = keyOfFinn(chaos)
  const session = await chaos.active({ minutes })
  const kept = await chaos.vend(session)
  const onUser = await chaos.active({ by: 'finn', minutes })
  expect(attached(chaos)).toEqual([`latchkey.${onUser}`])
  expect([await chaos.write(kept), await chaos.write(own)]).toEqual(['written', 'written'])
  return { own, session, kept, onUser }
}

async function everything({ redis }: Chaos): Promise<ReadonlyMap<string, Buffer>> {
  const found = (await redis.keys('{latchkey}:*')).filter((key) => !key.includes(':lease:'))
  const values = await Promise.all(found.map(async (key) => [key, await redis.dumpBuffer(key)] as const))
  return new Map(values.flatMap(([key, value]) => (value ? [[key, value] as const] : [])))
}

/** Restores yesterday's snapshot while no process runs. */
async function restore({ redis }: Chaos, snapshot: ReadonlyMap<string, Buffer>): Promise<void> {
  await redis.flushall()
  for (const [key, value] of snapshot) await redis.restore(key, 0, value)
}

/** The position in the journal of the first call of that name and outcome since then. */
function firstAt({ world: { aws } }: Chaos, since: number, action: string): number {
  return aws.journal
    .entries()
    .findIndex((entry, at) => at >= since && entry.action === action && entry.outcome === 'done')
}

describe.concurrent('what AWS enforces', () => {
  test('ends on time though every process and Redis were killed during the grant: used until the end, refused a second after it', async () => {
    await withChaos(async (chaos) => {
      const { world } = chaos
      // Shorter than the shortest STS session, so it is our end that refuses.
      const { own, session, kept, onUser } = await twoGrants(chaos, 10)
      const ends = await Promise.all(
        [session, onUser].map(async (id) => Date.parse((await chaos.record(id)).endsAt ?? '')),
      )
      await Promise.all([world.kill('web', 'SIGKILL'), world.kill('workers', 'SIGKILL'), world.privateRedis?.kill9()])
      const at = (ms: number) => world.aws.clock.advance(ms - world.aws.clock.now())
      at(Math.min(...ends) - 1_000)
      expect([await chaos.write(kept), await chaos.write(own)]).toEqual(['written', 'written'])
      at(Math.max(...ends) + 1_000)
      expect([await chaos.write(kept), await chaos.write(own)]).toEqual(['AccessDenied', 'AccessDenied'])
    }, OPTIONS)
  }, 170_000)

  test('is taken over from an emptied Redis: nothing of before is usable before anything new is, and what was denied stays denied', async () => {
    await withChaos(async (chaos) => {
      const { world, redis } = chaos
      const { own, session, kept } = await twoGrants(chaos)
      const ended = await chaos.active()
      const lost = await chaos.vend(ended)
      expect((await world.call('rita', `/grants/${ended}/end`)).body.status).toBe('revoking')
      await chaos.untilStatus(ended, 'revoked')
      await world.kill('workers', 'SIGKILL')
      await redis.flushall()
      const asked = await chaos.approved({ by: 'rita' })
      const since = world.aws.journal.entries().length
      await world.startWorkers()
      await chaos.untilStatus(asked, 'active')
      const entered = firstAt(chaos, since, 'AssumeRole')
      expect(firstAt(chaos, since, 'DeleteUserPolicy')).toBeGreaterThan(0)
      expect(firstAt(chaos, since, 'DeleteUserPolicy')).toBeLessThan(entered)
      expect(firstAt(chaos, since, 'PutRolePolicy')).toBeLessThan(entered)
      expect(attached(chaos)).toEqual([])
      expect(await Promise.all([kept, lost, own].map(chaos.write))).toEqual(Array(3).fill('AccessDenied'))
      expect(chaos.deny()?.denied).toContain(chaos.userId(ended))
      expect(chaos.deny()?.denied).not.toContain(chaos.userId(session))
      expect(await chaos.write(await chaos.vend(asked))).toBe('written')
      expect(await told(chaos, 1)).toEqual([expect.stringContaining('Redis is not the one that AWS knows')])
    }, OPTIONS)
  }, 170_000)

  test('is taken over after an older Redis was put back and `latchkey recover` was said, which waits until every account is safe', async () => {
    await withChaos(async (chaos) => {
      const { world, redis } = chaos
      const { own, session, kept, onUser } = await twoGrants(chaos)
      const snapshot = await everything(chaos)
      for (const [by, id] of [
        ['rita', session],
        ['finn', onUser],
      ] as const) {
        expect((await world.call(by, `/grants/${id}/end`)).body.status).toBe('revoking')
        await chaos.untilStatus(id, 'revoked')
      }
      const later = await chaos.active({ by: 'finn' })
      expect(attached(chaos)).toEqual([`latchkey.${later}`])
      await world.kill('workers', 'SIGKILL')
      await restore(chaos, snapshot)

      await expect(recover(chaos)).rejects.toMatchObject({
        stderr: expect.stringContaining('add --yes'),
      })
      expect(await chaos.audit('alarm.epoch-renewed')).toEqual([])
      await expect(recover(chaos, '--yes', '--wait', '1')).rejects.toMatchObject({
        stdout: expect.stringContaining('every session that was issued until now is refused'),
        stderr: expect.stringContaining('Are the workers running?'),
      })
      expect((await world.call('rita', `/grants/${session}/credentials`)).body.error?.code).toBe('UNAVAILABLE')
      await world.startWorkers()
      expect((await recover(chaos, '--yes', '--wait', '120')).stdout).toContain('1 of 1 accounts are safe.')

      expect(attached(chaos)).toEqual([])
      expect(await Promise.all([kept, own].map(chaos.write))).toEqual(['AccessDenied', 'AccessDenied'])
      expect(chaos.deny()?.denied).toContain(chaos.userId(session))
      for (const id of [session, onUser]) await chaos.untilStatus(id, 'revoked')
      expect(await redis.zscore('{latchkey}:due:grants', onUser)).toBeNull()
      expect(await chaos.audit('alarm.epoch-renewed')).toHaveLength(2)
      expect(await told(chaos, 2)).toEqual(Array(2).fill(expect.stringContaining('latchkey recover was run')))
    }, OPTIONS)
  }, 170_000)
})
