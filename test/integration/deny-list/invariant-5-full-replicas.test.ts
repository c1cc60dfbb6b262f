import { afterAll, expect, test } from 'vitest'
import { awsDriver } from '../../../src/aws/driver.ts'
import { endGrant } from '../../../src/grants/end-grant.ts'
import { requireGenuine } from '../../../src/grants/genuine-grant.ts'
import type { Grant } from '../../../src/grants/grant.ts'
import { orderOf } from '../../../src/grants/grant-order.ts'
import type { SessionPrincipal } from '../../../src/grants/principal.ts'
import { DENY_POLICY, parseDenyDocument } from '../../../src/policies/deny-document.ts'
import { redisRecord } from '../../../src/redis/redis-record-store.ts'
import { endsUnderWay } from '../../../workers/ends-in-progress.ts'
import { type RevokeDeps, revokeGrant } from '../../../workers/revoke-grant.ts'
import { activeGrant, commitGrants } from '../../fixtures/active-grants.ts'
import { openDenyListUseCases } from '../../fixtures/deny-list.ts'
import { TWO_REPLICAS_RULES } from '../../fixtures/two-replicas.ts'

/** Two replicas of a role, as full as they may be, with all grants ended at the same moment. */

const ENDED_ON_EACH = 150
const KEPT_ON_EACH = 5
const AT_ONCE = 20
const useCases = await openDenyListUseCases('full-copies', { rules: TWO_REPLICAS_RULES, seed: { replicas: 2 } })
const { deps, aws, record, fixture } = useCases
afterAll(() => useCases.close())

/** A second process: connections, clients, lanes and counts of its own. */
async function workersProcess(): Promise<RevokeDeps> {
  const own = redisRecord(await fixture.open('request'), { prefix: fixture.prefix })
  const driver = awsDriver({ ...deps.rules, part: 'workers', log: fixture.log })
  return { ...deps, record: own, ends: endsUnderWay(), driver }
}

async function live(principal: SessionPrincipal, count: number): Promise<readonly Grant[]> {
  const nowMs = await record.now()
  const grants = Array.from({ length: count }, () => activeGrant(principal, nowMs))
  await commitGrants(record, grants)
  return grants
}

/** As the queue does: twenty jobs at once, each repeated while another one has the lease. */
async function work(process: RevokeDeps, waiting: Grant[]): Promise<void> {
  async function goOn(): Promise<void> {
    for (let grant = waiting.shift(); grant !== undefined; grant = waiting.shift())
      if ((await revokeGrant(process, grant.id)).againAt !== undefined) waiting.push(grant)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, goOn))
}

function userIds(grants: readonly Grant[], { roleId }: SessionPrincipal): readonly string[] {
  return grants
    .filter(({ terms: { principal } }) => principal.driver === 'session' && principal.roleId === roleId)
    .map(({ id }) => `${roleId}:${id}`)
}

test('two copies of 150 live grants each, all ended at once through three processes: all are refused, nobody else is, one IAM write for each copy', async () => {
  const principals = await deps.driver.principals()
  const ended = (await Promise.all(principals.map((one) => live(one, ENDED_ON_EACH)))).flat()
  const kept = (await Promise.all(principals.map((one) => live(one, KEPT_ON_EACH)))).flat()
  const credentials = new Map<string, Awaited<ReturnType<typeof deps.driver.vend>>>()
  const tried = [...kept, ...ended.filter((_, position) => position % 15 === 0)]
  for (const grant of tried)
    credentials.set(grant.id, await deps.driver.vend(orderOf(requireGenuine(deps.approvalKey, { version: 1, grant }))))
  const processes = await Promise.all([workersProcess(), workersProcess(), workersProcess()])
  const before = useCases.calls('PutRolePolicy')
  await Promise.all(ended.map(({ id }) => endGrant(deps, useCases.as('rita'), id)))
  const waiting = [...ended]
  await Promise.all(processes.map((process) => work(process, waiting)))

  expect(useCases.calls('PutRolePolicy') - before).toBe(principals.length)
  for (const principal of principals) {
    const name = principal.roleArn.split('/').at(-1) ?? ''
    const document = parseDenyDocument(aws.state.roles.get(name)?.inline.current().get(DENY_POLICY) ?? '')
    expect(new Set(document.denied)).toEqual(new Set(userIds(ended, principal)))
  }
  for (const { id } of ended) expect((await useCases.grant(id)).status).toBe('revoked')
  const canWrite = new Map<string, boolean>()
  for (const [id, given] of credentials) canWrite.set(id, await useCases.canWrite(given))
  const whoMay = tried.filter(({ id }) => canWrite.get(id)).map(({ id }) => id)
  expect(whoMay).toEqual(kept.map(({ id }) => id))
}, 120_000)
