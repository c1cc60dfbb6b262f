import { afterAll, expect, test } from 'vitest'
import { z } from 'zod'
import { GROUPS } from '../../../sandbox/entra/fixture.ts'
import { requestAccess } from '../../../src/access-requests/request-access.ts'
import { reviewAccessRequest } from '../../../src/access-requests/review/review-access-request.ts'
import { LATCHKEY } from '../../../src/audit/events.ts'
import { awsDriver } from '../../../src/aws/driver.ts'
import { isLatchkeyError } from '../../../src/errors.ts'
import { vendCredentials } from '../../../src/grants/credentials/vend-credentials.ts'
import { endGrant } from '../../../src/grants/end-grant.ts'
import type { SessionPrincipal } from '../../../src/grants/principal.ts'
import { checkEpoch } from '../../../src/grants/recovery/epoch.ts'
import { refuseUnlessReady } from '../../../src/grants/recovery/readiness.ts'
import { httpMetrics, measureReconciler } from '../../../src/http/metrics.ts'
import { DENY_POLICY, parseDenyDocument } from '../../../src/policies/deny-document.ts'
import { bullQueue } from '../../../src/redis/job-queue.ts'
import { redisOutbox } from '../../../src/redis/outbox.ts'
import { startWorkers } from '../../../src/redis/queue-workers.ts'
import { parseRules } from '../../../src/rules/file/parse-rules.ts'
import { parseScope } from '../../../src/rules/scope.ts'
import { activateGrant } from '../../../workers/activate-grant.ts'
import { reconcileGrants } from '../../../workers/reconcile-grants.ts'
import { relayOutbox } from '../../../workers/relay-outbox.ts'
import { revokeGrant } from '../../../workers/revoke-grant.ts'
import { sweepDue } from '../../../workers/sweep-due.ts'
import { activeGrant, commitGrants } from '../../fixtures/active-grants.ts'
import { openDenyListUseCases } from '../../fixtures/deny-list.ts'
import { until } from '../../fixtures/redis-record.ts'

const HOME = '111122223333'
const LAB = '222233334444'
const MINUTE_MS = 60_000
const AT_ONCE = 20
const external = { account: HOME, externalId: 'a-text-of-this-account-only' }

const RULES = `version: 1
groups: { finance: ${GROUPS.finance}, data-owners: ${GROUPS.dataOwners} }
accounts:
  prod: { id: "${HOME}", elevationRole: latchkey/prod }
  lab:
    id: "${LAB}"
    elevationRole: latchkey/prod
    hub: { role: latchkey/hub, reader: latchkey/hub-reader, externalId: ${external.externalId} }
buckets:
  finance-reports: { account: prod, region: eu-west-1, owners: ["group:data-owners"] }
  lab-data: { account: lab, region: eu-west-1, owners: ["group:data-owners"] }
entitlements:
  - name: both
    who: ["group:finance"]
    scopes: [s3://finance-reports/, s3://lab-data/]
    levels: [read, write]
    duration: { default: 45m, longest: 8h }
    approval: [{ need: 1, from: [manager, "group:data-owners"] }]
...
`

const useCases = await openDenyListUseCases('account-hangs', { seed: { accounts: [{ id: LAB }] } })
const { aws, record, fixture } = useCases
const { log, prefix } = fixture
aws.seedLatchkey({ buckets: [{ name: 'lab-data' }], home: external }, LAB)
const rules = parseRules(RULES)
const deps = { ...useCases.deps, rules, driver: awsDriver({ ...rules, part: 'workers', log }) }
await checkEpoch(deps)
const [inLab] = await deps.driver.principals('lab')
if (inLab === undefined) throw new Error('The sandbox was seeded without a role in the other account.')
await until(() => isReady(inLab))
const shared = await fixture.open('worker')
const queue = bullQueue(shared, { prefix, log })
const relay = relayOutbox({ outbox: redisOutbox(await fixture.open('worker'), { prefix, log }), queue, log })
const workers = startWorkers(shared, {
  prefix,
  log,
  concurrency: AT_ONCE,
  handlers: {
    revoke: ({ recordId }) => revokeGrant(deps, recordId),
    activate: ({ recordId }) => activateGrant(deps, recordId),
    cards: async () => ({}),
  },
})
afterAll(async () => {
  aws.faults.clear()
  await Promise.all([relay.stop(), workers.close()])
  await queue.close()
  await useCases.close()
})

async function isReady(principal: SessionPrincipal): Promise<boolean> {
  try {
    await refuseUnlessReady(deps, principal, await record.now())
    return true
  } catch (error) {
    if (!isLatchkeyError(error, 'UNAVAILABLE')) throw error
    return false
  }
}

async function ask(bucket: string): Promise<string> {
  const scopes = [parseScope(`s3://${bucket}/2026/`)]
  const input = { scopes, levels: ['write'], durationMinutes: 30, reason: 'month-end' } as const
  return (await requestAccess(deps, useCases.as('rita'), input)).id
}

async function approve(requestId: string): Promise<string> {
  const review = { decision: 'approve', comment: '' } as const
  return z.string().parse((await reviewAccessRequest(deps, useCases.as('dana'), requestId, review)).grantId)
}

const end = (grantId: string) => endGrant(deps, useCases.as('rita'), grantId)
const statusOf = async (grantId: string) => (await useCases.grant(grantId)).status

/** Every call in that account, and every call into it, is accepted and never answered. */
function hang(): void {
  const roles = ['hub', 'hub-reader', 'prod'].map((name) => `arn:aws:iam::${LAB}:role/latchkey/${name}`)
  const entering = roles.map((RoleArn) => ({ action: 'AssumeRole', parameters: { RoleArn } }))
  for (const matcher of [{ account: LAB }, ...entering])
    aws.faults.silence(matcher, { when: 'before', times: Number.POSITIVE_INFINITY })
}

/** The same installation that many minutes later. */
function later(minutes: number) {
  const now = async () => (await deps.driver.now()) + minutes * MINUTE_MS
  return { ...deps, queue, record: useCases.recordAhead(minutes * MINUTE_MS), driver: { ...deps.driver, now } }
}

/** The age in minutes of the last full round over the account. */
async function age(account: string, at: ReturnType<typeof later>): Promise<number> {
  const metrics = httpMetrics()
  measureReconciler(metrics, at.record, rules.accounts)
  const text = await metrics.registry.metrics()
  return Number(new RegExp(`reconcile_age_seconds\\{account="${account}"\\} (\\S+)`).exec(text)?.[1]) / 60
}

function deniedInLab(): readonly string[] {
  return parseDenyDocument(aws.account(LAB).roles.get('prod')?.inline.current().get(DENY_POLICY) ?? '').denied
}

test('an account that never answers holds up nothing of the others, is loud, and comes right once it answers', async () => {
  await reconcileGrants(later(0))
  const nowMs = await record.now()
  const lab = Array.from({ length: 8 }, () => activeGrant(inLab, nowMs))
  await commitGrants(record, lab)
  const [asked, other] = [await ask('lab-data'), await ask('finance-reports')]

  hang()
  for (const { id } of lab) {
    await end(id)
    const at = new Date(nowMs - 31_000).toISOString()
    await useCases.overwrite(id, (grant) => ({ ...grant, end: { ...grant.end, at } }))
  }
  const waiting = await approve(asked)
  const rounds = [reconcileGrants(later(10))]
  await until(async () => (await age('prod', later(10))) < 1)
  rounds.push(reconcileGrants(later(20)))
  await until(async () => (await age('prod', later(20))) < 1)
  const grantId = await approve(other)
  await until(async () => (await statusOf(grantId)) === 'active')
  const credentials = await vendCredentials(deps, useCases.as('rita'), grantId)
  expect(await useCases.canWrite(credentials)).toBe(true)
  await end(grantId)
  await until(async () => (await statusOf(grantId)) === 'revoked')
  expect(await useCases.canWrite(credentials)).toBe(false)

  expect(await age('lab', later(20))).toBeGreaterThanOrEqual(19)
  expect(await statusOf(waiting)).toBe('activating')
  for (const { id } of lab) expect(await statusOf(id)).toBe('revoking')
  await until(async () => (await useCases.events('alarm.revoke-overdue')).length > 0)
  expect(deniedInLab()).toEqual([])

  aws.faults.clear()
  for (const { id } of lab) await until(async () => (await statusOf(id)) === 'revoked')
  expect(new Set(deniedInLab())).toEqual(new Set(lab.map(({ id }) => `${inLab.roleId}:${id}`)))
  await until(async () => (await statusOf(waiting)) === 'active')
  await Promise.all(rounds)
  await reconcileGrants(later(30))
  expect(await age('lab', later(30))).toBeLessThan(1)
}, 120_000)

test('a round over an account that hangs keeps the round over another waiting for nothing', async () => {
  await reconcileGrants(later(0))
  let answer: () => void = () => undefined
  const answered = new Promise<void>((resolve) => {
    answer = resolve
  })
  const at = later(60)
  const principals: typeof deps.driver.principals = async (account) => {
    if (account === 'lab') await answered
    return await deps.driver.principals(account)
  }
  const round = reconcileGrants({ ...at, driver: { ...at.driver, principals } })
  await until(async () => (await age('prod', at)) < 1)
  expect(await age('lab', at)).toBeGreaterThan(1)
  answer()
  await round
  expect(await age('lab', at)).toBeLessThan(1)
})

test('a role that is due in an account that hangs keeps the look at those of the others waiting for nothing', async () => {
  const at = await record.now()
  const due = ['hanging', 'other'].map((id, position) => ({ kind: 'roles', id, at: at + position - 1_000 }) as const)
  await record.commit({ records: [], due, audit: [{ kind: 'alarm.epoch-renewed', actor: LATCHKEY }] })
  let answer: () => void = () => undefined
  const answered = new Promise<void>((resolve) => {
    answer = resolve
  })
  const looked: string[] = []
  const nothing = async () => undefined
  const sweeper = sweepDue({
    record,
    queue: { add: nothing },
    log,
    revokeNow: nothing,
    lapse: nothing,
    keepTarget: nothing,
    deliverSecurityNotice: nothing,
    syncMessages: nothing,
    async keepRole(id) {
      if (id === 'hanging') await answered
      looked.push(id)
    },
  })
  await until(() => looked.includes('other'))
  expect(looked).not.toContain('hanging')
  answer()
  await sweeper.stop()
})
