import type { Role } from '../../sandbox/aws/state.ts'
import { LATCHKEY } from '../../src/audit/events.ts'
import type { Grant } from '../../src/grants/grant.ts'
import { policyNameOf } from '../../src/grants/iam-entity.ts'
import type { AttachPrincipal } from '../../src/grants/principal.ts'
import { redisRecord } from '../../src/redis/redis-record-store.ts'
import type { RecordPort } from '../../src/store/record-store.ts'
import { activeGrant, commitGrants } from '../fixtures/active-grants.ts'
import { startWorld, type World } from '../fixtures/world.ts'
import { DENIED_ON } from '../unit/grants/a-grant.ts'
import { atMost, type Bench } from './bench.ts'
import { rolePrincipals } from './tools/bench-redis.ts'
import { type Life, openLife, until } from './tools/life.ts'
import { closing } from './tools/processes.ts'
import { compare, inWords } from './tools/rounds.ts'
import { percentile } from './tools/statistics.ts'

const TIDYINGS = 10_000
const ENTITIES = Array.from({ length: 20 }, (_, number) => `team-${number}`)
const EARLY_ENDS = 20
const UNIT = 'ms'

/**
 * From "done" until the record is `revoked`, which follows the read-back from AWS; one at a time, p95. Measured with 10,000 policies to remove,
 * of `attach` grants that ended on time, against the same with none. Only one turn at a time uses the workers, the Deny
 * document and the record.
 */
export const earlyRevoke: Bench = {
  name: 'early-revoke',
  run: (say) =>
    closing(async (closeLater) => {
      const world = await startWorld({ seed: { entities: ENTITIES.map((name) => ({ kind: 'role', name })) } })
      closeLater(() => world.stop())
      const life = openLife(world, world.redis.url)
      closeLater(() => life.close())
      const fixture = { world, life, record: redisRecord(life.cli) }

      async function waiting(): Promise<number> {
        await begin(fixture)
        await seedTidyings(fixture)
        await until('tidying has begun', async () => heldBy(world) < TIDYINGS)
        const p95 = await endMany(fixture)
        const left = heldBy(world)
        if (left === 0) throw new Error('Everything was tidied away before the last early end.')
        say(`${left} of ${TIDYINGS} were still waiting`)
        return p95
      }

      async function idle(): Promise<number> {
        await begin(fixture)
        return await endMany(fixture)
      }

      const compared = await compare({ latchkey: waiting, baseline: idle }, UNIT, say)
      return atMost(1.5, compared.ratio, `p95 ${inWords(compared, UNIT)}; ${TIDYINGS} tidyings waiting against none`)
    }),
}

interface RevokeParts {
  readonly world: World
  readonly life: Life
  readonly record: RecordPort
}

/** Starts a turn with no grant, no denial and nothing in progress. */
async function begin({ world, life }: RevokeParts): Promise<void> {
  await world.kill('workers', 'SIGKILL')
  await life.cli.flushall()
  for (const { inline } of world.aws.state.roles.values())
    for (const name of inline.current().keys()) inline.delete(name, world.aws.clock.now())
  await world.startWorkers()
  await until('the role is adopted', async () => (await life.cli.keys('{latchkey}:deny:*')).length > 0)
}

/** Writes grants that ended on time whose policies AWS still holds, with their due entries. */
async function seedTidyings({ world, record }: RevokeParts): Promise<void> {
  const nowMs = await record.now()
  const roles = entityOf(world)
  const each = TIDYINGS / roles.length
  for (const { principal, role } of roles) {
    const grants = Array.from({ length: each }, () => endedGrant(principal, nowMs))
    for (const { id } of grants) role.inline.put(policyNameOf(id), '{}', world.aws.clock.now())
    await record.commit({
      records: grants.map((next) => ({ kind: 'grant', id: next.id, expectedVersion: 0, next })),
      due: grants.map(({ id }) => ({ kind: 'targets', id, at: nowMs })),
      audit: [{ kind: 'request.lapsed', actor: LATCHKEY, requestId: 'r-0123456789ab' }],
    })
  }
}

function entityOf({ aws }: World): readonly { readonly role: Role; readonly principal: AttachPrincipal }[] {
  return ENTITIES.flatMap((name) => {
    const role = aws.state.roles.get(name)
    if (role === undefined) return []
    const { arn, roleId } = role
    const userid = `${roleId}:rita`
    return { role, principal: { driver: 'attach', account: aws.state.account, arn, userid, deniedOn: DENIED_ON } }
  })
}

function endedGrant(principal: AttachPrincipal, nowMs: number): Grant {
  const endedAt = new Date(nowMs).toISOString()
  return { ...activeGrant(principal, nowMs, nowMs), status: 'expired', endedAt }
}

function heldBy(world: World): number {
  return entityOf(world).reduce((sum, { role }) => sum + role.inline.current().size, 0)
}

async function endMany({ world, life, record }: RevokeParts): Promise<number> {
  const [principal] = rolePrincipals(world)
  if (principal === undefined) throw new Error('The sandbox was seeded without a role.')
  const nowMs = await record.now()
  const grants = Array.from({ length: EARLY_ENDS }, () => activeGrant(principal, nowMs))
  await commitGrants(record, grants)
  const times: number[] = []
  for (const { id } of grants) {
    const startedAt = performance.now()
    await life.done('rita', id)
    times.push(performance.now() - startedAt)
  }
  return percentile(times, 95)
}
