import { Redis } from 'ioredis'
import { PEOPLE } from '../../sandbox/entra/fixture.ts'
import { endGrant } from '../../src/grants/end-grant.ts'
import type { SessionPrincipal } from '../../src/grants/principal.ts'
import { redisRecord } from '../../src/redis/redis-record-store.ts'
import { APPROVAL_KEY, activeGrant, commitGrants } from '../fixtures/active-grants.ts'
import { RULES, startWorld, type World } from '../fixtures/world.ts'
import { type Bench, exactly } from './bench.ts'
import { rolePrincipals } from './tools/bench-redis.ts'
import { until } from './tools/life.ts'
import { closing } from './tools/processes.ts'

const REPLICAS = 3
const ENDED_ON_EACH = 100
const RULES_WITH_REPLICAS = RULES.replace('latchkey/prod }', `latchkey/prod, copies: ${REPLICAS} }`)
const LONGEST_MS = 120_000

/**
 * 300 session grants on a role and its two replicas, all ended early while no worker runs; then two worker processes start.
 * Measured: the number of IAM writes, which should be one for each replica.
 */
export const revokeCalls: Bench = {
  name: 'revoke-calls',
  run: (say) =>
    closing(async (closeLater) => {
      const world = await startWorld({ rules: RULES_WITH_REPLICAS, seed: { replicas: REPLICAS } })
      closeLater(() => world.stop())
      const cli = new Redis(world.redis.url)
      closeLater(() => cli.disconnect())
      const record = redisRecord(cli)
      await world.startWorkers()
      await until('every role is adopted', async () => (await cli.keys('{latchkey}:deny:*')).length === REPLICAS)
      await world.kill('workers', 'SIGTERM')

      const principals = rolePrincipals(world)
      const nowMs = await record.now()
      const grants = principals.flatMap((principal) => crowdOn(principal, nowMs))
      await commitGrants(record, grants)
      for (const { id } of grants) await endGrant({ record, approvalKey: APPROVAL_KEY }, rita(world), id)
      say(`${grants.length} grants are to be ended`)
      const before = writes(world)
      await Promise.all([world.startWorkers(), world.startWorkers()])
      const isOver = async () => (await cli.zcard('{latchkey}:index:live:grants')) === 0
      await until('the last grant is revoked', isOver, LONGEST_MS)
      const detail = `IAM writes for ${grants.length} early ends at once on a role and its copies, ${REPLICAS} in all`
      return exactly(REPLICAS, writes(world) - before, detail)
    }),
}

function crowdOn(principal: SessionPrincipal, nowMs: number) {
  return Array.from({ length: ENDED_ON_EACH }, () => activeGrant(principal, nowMs))
}

function rita({ entra }: World) {
  const { tenantId } = entra
  return { tenantId, objectId: PEOPLE.rita, name: 'Rita Reyes', roles: [], clientId: '', address: '127.0.0.1' }
}

function writes({ aws }: World): number {
  return aws.faults.tally({ action: 'PutRolePolicy' }).arrived
}
