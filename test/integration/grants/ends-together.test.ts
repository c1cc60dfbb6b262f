import { afterAll, expect, test } from 'vitest'
import { endGrant } from '../../../src/grants/end-grant.ts'
import type { Grant } from '../../../src/grants/grant.ts'
import { revokeGrant } from '../../../workers/revoke-grant.ts'
import { activeGrant, commitGrants } from '../../fixtures/active-grants.ts'
import { openDenyListUseCases } from '../../fixtures/deny-list.ts'

/** Grants that end at the same time: one job ends the others too. */

const useCases = await openDenyListUseCases('together')
const { deps, record, redis } = useCases
afterAll(() => useCases.close())

async function over(count: number): Promise<readonly Grant[]> {
  const nowMs = await record.now()
  const grants = Array.from({ length: count }, () => activeGrant(useCases.principal, nowMs, nowMs - 1_000))
  await commitGrants(record, grants)
  return grants
}

async function statusOf({ id }: Grant): Promise<string> {
  return (await useCases.grant(id)).status
}

async function told(grants: readonly Grant[]): Promise<number> {
  const ids = new Set(grants.map(({ id }) => id))
  return (await useCases.events('grant.expired')).filter(
    (event) => 'grantId' in event && ids.has(String(event.grantId)),
  ).length
}

async function dueIds(): Promise<readonly string[]> {
  return (await record.due('grants', Number.MAX_SAFE_INTEGER, 1_000)).map(({ id }) => id)
}

test('the job of one ends all, each once and with its own event, without asking AWS', async () => {
  const [first, ...others] = await over(450)
  if (!first) throw new Error('There is no grant.')
  const before = useCases.calls('PutRolePolicy')
  await revokeGrant(deps, first.id)
  expect(new Set(await Promise.all([first, ...others].map(statusOf)))).toEqual(new Set(['expired']))
  await Promise.all(others.slice(0, 50).map(({ id }) => revokeGrant(deps, id)))
  expect(await told([first, ...others])).toBe(450)
  expect(await dueIds()).toEqual([])
  expect(await redis.zcard(useCases.key('due', 'copies'))).toBeGreaterThanOrEqual(450)
  expect(useCases.calls('PutRolePolicy')).toBe(before)
})

test('jobs that come at the same moment, in several processes, end each grant once', async () => {
  const grants = await over(60)
  const processes = [deps, useCases.later(0), useCases.later(0)]
  const jobs = grants.flatMap(({ id }) => processes.map((one) => untilDone(one, id)))
  await Promise.all(jobs)
  expect(await told(grants)).toBe(60)
})

test('what cannot be read, and what cannot be written, keeps nobody else waiting', async () => {
  const [spoilt, unreadable, foreign, ...others] = await over(20)
  if (!spoilt || !unreadable || !foreign) throw new Error('There are too few.')
  await redis.hset(useCases.key('grant', unreadable.id), 'json', '{"status":"active"}')
  await redis.set(useCases.key('grant', foreign.id), 'forged')
  // An end is also written to the index of its deny list. Here that index holds a text, so the commit fails.
  const principal = { ...useCases.principal, roleArn: useCases.principal.roleArn.replace('prod', 'spoilt') }
  await useCases.overwrite(spoilt.id, (grant) => ({ ...grant, terms: { ...grant.terms, principal } }))
  await redis.set(useCases.key('index', 'revoking', `${useCases.principal.account}.spoilt`), 'forged')
  for (const { id } of others) await untilDone(deps, id)
  expect(await told(others)).toBe(others.length)
  await expect(revokeGrant(deps, spoilt.id)).rejects.toThrow()
  expect(await dueIds()).toEqual(expect.arrayContaining([spoilt.id, unreadable.id, foreign.id]))
})

test('an early end among them waits for AWS, and one whose time has not come stays', async () => {
  const [first, early] = await over(2)
  if (!first || !early) throw new Error('There are too few.')
  const nowMs = await record.now()
  const later = activeGrant(useCases.principal, nowMs)
  await commitGrants(record, [later])
  await endGrant(deps, useCases.as('rita'), early.id)
  await revokeGrant(deps, first.id)
  expect(await Promise.all([first, early, later].map(statusOf))).toEqual(['expired', 'revoking', 'active'])
})

test('a clock of the record that was set forward ends nothing', async () => {
  const nowMs = await record.now()
  const grant = activeGrant(useCases.principal, nowMs, nowMs + 60_000)
  await commitGrants(record, [grant])
  const { againAt = 0 } = await revokeGrant({ ...deps, record: useCases.recordAhead(3_600_000) }, grant.id)
  expect(await statusOf(grant)).toBe('active')
  expect(againAt).toBeGreaterThan(nowMs + 3_600_000)
})

async function untilDone(one: typeof deps, id: string): Promise<void> {
  let ran = await revokeGrant(one, id)
  while (ran.againAt !== undefined) ran = await revokeGrant(one, id)
}
