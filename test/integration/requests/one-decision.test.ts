import { once } from 'node:events'
import { Agent, request as httpRequest } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { GROUPS, PEOPLE } from '../../../sandbox/entra/fixture.ts'
import type { AccessRequest } from '../../../src/access-requests/access-request.ts'
import { signRequest } from '../../../src/access-requests/request-mac.ts'
import { LATCHKEY } from '../../../src/audit/events.ts'
import type { SessionPrincipal } from '../../../src/grants/principal.ts'
import { newId } from '../../../src/store/ids.ts'
import { type Product, startProduct } from '../../fixtures/product.ts'
import type { LatchkeyProcess } from '../../fixtures/world.ts'

const ROUNDS = 1_000
const ROUNDS_AT_ONCE = 6
/** One elevation role accepts 150 grants at once, so that each can still be denied. The rounds are spread over this many accounts. */
const ACCOUNTS = 10

const accounts = Array.from({ length: ACCOUNTS }, (_, n) => ({ name: `account-${n}`, id: `${111_122_223_330 + n}` }))
const RULES = `version: 1
groups:
  finance: ${GROUPS.finance}
  data-owners: ${GROUPS.dataOwners}
accounts:
${accounts.map(({ name, id }) => `  ${name}: { id: "${id}", elevationRole: latchkey/prod }`).join('\n')}
buckets:
${accounts.map(({ name }) => `  bucket-of-${name}: { account: ${name}, region: eu-west-1, owners: [] }`).join('\n')}
entitlements:
  - name: finance
    who: ["group:finance"]
    scopes: [${accounts.map(({ name }) => `s3://bucket-of-${name}/`).join(', ')}]
    levels: [write]
    duration: { default: 45m, longest: 8h }
    approval: [{ need: 1, from: [manager, "group:data-owners"] }]
...
`

const answered = z.looseObject({
  status: z.string().optional(),
  grantId: z.string().nullish(),
  closedAt: z.string().nullish(),
  decision: z.object({ by: z.string(), as: z.string(), at: z.string() }).nullish(),
  error: z.object({ code: z.string(), message: z.string() }).optional(),
})

interface Click {
  readonly status: number
  readonly body: z.output<typeof answered>
}

const NAMES = { max: 'Max Mertens', dana: 'Dana Okafor' } as const

let product: Product
let other: LatchkeyProcess
let tokens: { readonly max: string; readonly dana: string }
const agent = new Agent({ keepAlive: true })

beforeAll(async () => {
  product = await startProduct({ rules: RULES, env: { LOG_LEVEL: 'warn' } })
  other = await product.startWeb()
  const { entra } = product
  tokens = { max: await entra.mint(PEOPLE.max), dana: await entra.mint(PEOPLE.dana) }
})

afterAll(async () => {
  agent.destroy()
  await product.stop()
})

/** Writes pending requests as use cases do, because nobody may request a thousand times within one test. */
async function seed(): Promise<readonly string[]> {
  const now = Date.now()
  const asked = [
    { objectId: PEOPLE.max, name: NAMES.max, as: 'manager' },
    { objectId: PEOPLE.dana, name: NAMES.dana, as: 'group:data-owners' },
  ]
  const ids = Array.from({ length: ROUNDS }, () => newId('r'))
  await Promise.all(
    ids.map((id, n) => {
      const next = signRequest(product.environment('web').APPROVAL_KEY ?? '', {
        id,
        status: 'pending',
        requester: { objectId: PEOPLE.rita, name: 'Rita Reyes' },
        scopes: [`s3://bucket-of-${accounts[n % ACCOUNTS]?.name}/`],
        levels: ['write'],
        durationMinutes: 45,
        reason: `round ${n}`,
        ticket: '',
        entitlement: 'finance',
        principal: principalOf(accounts[n % ACCOUNTS]?.id ?? ''),
        asked,
        askedAt: new Date(now).toISOString(),
        lapsesAt: new Date(now + 8 * 3_600_000).toISOString(),
        reviews: [],
        copies: [],
      })
      return product.record.commit({
        records: [{ kind: 'request', id, expectedVersion: 0, next }],
        due: [{ kind: 'requests', id, at: now + 8 * 3_600_000 }],
        audit: [{ kind: 'request.asked', actor: LATCHKEY, requestId: id, ...whatOf(next) }],
      })
    }),
  )
  return ids
}

function principalOf(account: string): SessionPrincipal {
  const roleArn = `arn:aws:iam::${account}:role/latchkey/prod`
  return { driver: 'session', account, roleArn, roleId: 'AROASANDBOXROLE' }
}

function whatOf({ scopes, levels, durationMinutes, entitlement, reason }: AccessRequest) {
  return { scopes, levels, durationMinutes, entitlement, reason }
}

/** 503 means that nothing was decided (here: the machine was too slow), so the person clicks again. */
async function click(web: LatchkeyProcess, person: 'max' | 'dana', id: string, decision: string): Promise<Click> {
  for (;;) {
    const sent = httpRequest(`${web.url}/api/v1/requests/${id}/reviews`, {
      method: 'POST',
      agent,
      headers: { authorization: `Bearer ${tokens[person]}`, 'content-type': 'application/json' },
    })
    sent.end(JSON.stringify({ decision, comment: '' }))
    const [response] = await once(sent, 'response')
    const body = answered.parse(JSON.parse(await text(response)))
    if (response.statusCode !== 503) return { status: response.statusCode, body }
  }
}

/** Every mixture of approve and deny occurs, and each person uses each process. */
function decisionsOf(n: number) {
  return { max: n & 1 ? 'approve' : 'deny', dana: n & 2 ? 'approve' : 'deny' } as const
}

async function play(id: string, n: number): Promise<{ readonly status: string; readonly grantId: string | null }> {
  const decisions = decisionsOf(n)
  const [mine, theirs] = n & 4 ? [product.web, other] : [other, product.web]
  const clicks = await Promise.all([click(mine, 'max', id, decisions.max), click(theirs, 'dana', id, decisions.dana)])
  const won = clicks.filter(({ status }) => status === 200)
  const lost = clicks.filter(({ status }) => status !== 200)
  expect(won, JSON.stringify(clicks)).toHaveLength(1)
  const [{ body } = { body: answered.parse({}) }] = won
  const by = body.decision?.by
  const winner = by === NAMES.max ? 'max' : 'dana'
  expect(body).toMatchObject({ status: decisions[winner] === 'approve' ? 'approved' : 'denied', decision: { by } })
  expect(clicks[winner === 'max' ? 0 : 1]?.status).toBe(200)
  expect(lost).toMatchObject([
    {
      status: 409,
      body: {
        error: {
          code: 'CONFLICT',
          message: `This request was already ${body.status} by ${NAMES[winner]} at ${body.closedAt}. Nothing was changed.`,
        },
      },
    },
  ])
  return { status: body.status ?? '', grantId: body.grantId ?? null }
}

async function playAll(ids: readonly string[]) {
  const outcomes: { readonly status: string; readonly grantId: string | null }[] = []
  let next = 0
  async function player(): Promise<void> {
    for (let n = next++; n < ids.length; n = next++) outcomes.push(await play(ids[n] ?? '', n))
  }
  await Promise.all(Array.from({ length: ROUNDS_AT_ONCE }, player))
  return outcomes
}

test('1,000 rounds of simultaneous clicks by two approvers against two web processes give one decision each', async () => {
  const ids = await seed()
  const outcomes = await playAll(ids)
  expect(outcomes).toHaveLength(ROUNDS)

  const approved = outcomes.flatMap(({ status, grantId }) => (status === 'approved' ? [grantId ?? ''] : []))
  expect(approved.length).toBeGreaterThan(ROUNDS / 4)
  expect(approved.length).toBeLessThan(ROUNDS)
  const grants = await product.cli.keys('{latchkey}:grant:*')
  expect(grants.map((key) => key.split(':').at(-1)).sort()).toEqual([...approved].sort())

  const events = await product.audit()
  const decided = events.flatMap((event) =>
    event.kind === 'request.approved' || event.kind === 'request.denied' ? [event.requestId] : [],
  )
  expect(decided.sort()).toEqual([...ids].sort())
  expect(events.filter(({ kind }) => kind === 'request.approved')).toHaveLength(approved.length)
  // Each record changed exactly twice: requested, decided.
  const versions = await Promise.all(ids.map((id) => product.cli.hget(`{latchkey}:request:${id}`, 'version')))
  expect(new Set(versions)).toEqual(new Set(['2']))
}, 150_000)
