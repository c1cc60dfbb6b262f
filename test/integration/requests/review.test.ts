import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { GROUPS, PEOPLE, type PersonName } from '../../../sandbox/entra/fixture.ts'
import { APPROVE, DENY, eventually, type Product, refusal, startProduct } from '../../fixtures/product.ts'

const RULES = `version: 1
groups:
  finance: ${GROUPS.finance}
  on-call: ${GROUPS.onCall}
  data-owners: ${GROUPS.dataOwners}
accounts:
  prod: { id: "111122223333", elevationRole: latchkey/prod }
buckets:
  finance-reports: { account: prod, region: eu-west-1, owners: ["group:data-owners"] }
entitlements:
  - name: reports-2026
    who: ["group:finance"]
    scopes: [s3://finance-reports/2026/]
    levels: [write]
    duration: { default: 45m, longest: 8h }
    approval: [{ need: 1, from: [manager, "group:data-owners"] }]
  - name: old-for-on-call
    who: ["group:on-call"]
    scopes: [s3://finance-reports/2024/]
    levels: [write]
    duration: { default: 45m, longest: 8h }
    approval: [{ need: 1, from: [manager] }]
  - name: old-for-finance
    who: ["group:finance"]
    scopes: [s3://finance-reports/2024/]
    levels: [write]
    duration: { default: 45m, longest: 8h }
    approval: [{ need: 1, from: ["group:data-owners"] }]
...
`
const OLD = { scope: 's3://finance-reports/2024/' }
const FORGED_DENIAL = {
  reviewer: { objectId: PEOPLE.max, name: 'Max Mertens' },
  as: 'manager',
  decision: 'deny',
  comment: '',
  at: '2026-11-22T10:00:00.000Z',
}
const STILL_PENDING = { status: 'pending', decision: null }
const NOT_FOUND = {
  status: 404,
  code: 'NOT_FOUND',
  message: 'There is no such request, or it is not yours to see. Check the id.',
}

let product: Product
const undo: (() => void)[] = []

beforeAll(async () => {
  product = await startProduct({ rules: RULES })
})

afterEach(async () => {
  product.entra.faults.heal()
  for (const back of undo.splice(0).reverse()) back()
  for (const person of ['rita', 'finn', 'dana'] as const) await cancelAll(person)
})

afterAll(async () => {
  await product.stop()
})

async function cancelAll(person: PersonName): Promise<void> {
  const { requests = [] } = (await product.call(person, '/requests')).body
  for (const { id } of requests.filter(({ status }) => status === 'pending'))
    await product.call(person, `/requests/${id}/cancel`)
}

/** Changes the directory and undoes the change after the test. */
function meanwhile(change: () => void, back: () => void): void {
  change()
  undo.push(back)
}

async function refused(person: PersonName, id: string, review: object = APPROVE) {
  return refusal(await product.review(person, id, review))
}

async function isPending(id: string): Promise<void> {
  expect((await product.call('omar', `/requests/${id}`)).body).toMatchObject(STILL_PENDING)
  expect(await product.events('request.approved', id)).toEqual([])
  expect(await product.events('request.denied', id)).toEqual([])
}

describe('nobody decides their own request', () => {
  test.each(['approve', 'deny'])('%s is refused before anybody else is asked about it', async (decision) => {
    const id = await product.ask('rita')
    const before = product.entra.graphCalls.length
    const { status, code, message } = await refused('rita', id, { decision })
    expect([status, code]).toEqual([403, 'NOT_YOURS_TO_DECIDE'])
    expect(message).toContain('Nobody approves their own request')
    expect(product.entra.graphCalls).toHaveLength(before)
    await isPending(id)
    expect(await product.events('review.refused', id)).toMatchObject([{ code, actor: { objectId: PEOPLE.rita } }])
  })

  test('not even as a member of the group that approves', async () => {
    const { tenant } = product.entra
    meanwhile(
      () => tenant.join(GROUPS.finance, PEOPLE.dana),
      () => tenant.leave(GROUPS.finance, PEOPLE.dana),
    )
    const id = await product.ask('dana')
    expect((await product.call('dana', `/requests/${id}`)).body.asked).toEqual(['Omar Haddad'])
    expect(await refused('dana', id)).toMatchObject({ code: 'NOT_YOURS_TO_DECIDE' })
    await isPending(id)
  })

  test('not even as one’s own manager', async () => {
    const id = await product.ask('rita')
    meanwhile(
      () => product.entra.tenant.setManager(PEOPLE.rita, PEOPLE.rita),
      () => product.entra.tenant.setManager(PEOPLE.rita, PEOPLE.max),
    )
    expect(await refused('rita', id)).toMatchObject({ code: 'NOT_YOURS_TO_DECIDE' })
    await isPending(id)
  })
})

test('to somebody whom the rules do not name, a request reads like one that does not exist', async () => {
  const id = await product.ask('rita')
  expect(await refused('finn', id)).toEqual(NOT_FOUND)
  expect(await refused('finn', 'r-000000000000')).toEqual(NOT_FOUND)
  await isPending(id)
  expect(await product.events('review.refused', id)).toMatchObject([
    { code: 'NOT_FOUND', actor: { objectId: PEOPLE.finn } },
  ])
})

describe('authority is what rules and directory say at the click', () => {
  test('who was asked as manager and is it no longer decides nothing; the new manager decides without having been asked', async () => {
    const { tenant } = product.entra
    meanwhile(
      () => tenant.join(GROUPS.onCall, PEOPLE.rita),
      () => tenant.leave(GROUPS.onCall, PEOPLE.rita),
    )
    const id = await product.ask('rita', OLD)
    meanwhile(
      () => tenant.setManager(PEOPLE.rita, PEOPLE.oona),
      () => tenant.setManager(PEOPLE.rita, PEOPLE.max),
    )
    expect(await refused('max', id)).toMatchObject({ status: 403, code: 'NOT_YOURS_TO_DECIDE' })
    await isPending(id)
    const { body } = await product.review('oona', id, APPROVE)
    expect(body).toMatchObject({ status: 'approved', decision: { by: 'Oona Virtanen', as: 'manager' } })
  })

  test.each<readonly [string, PersonName, (on: boolean) => void, string]>([
    [
      'whose account is disabled',
      'max',
      (on) => product.entra.tenant.change(PEOPLE.max, { accountEnabled: !on }),
      'disabled',
    ],
    [
      'who is a guest now',
      'max',
      (on) => product.entra.tenant.change(PEOPLE.max, { userType: on ? 'Guest' : 'Member' }),
      'guests never review',
    ],
    [
      'who left the group',
      'dana',
      (on) => product.entra.tenant[on ? 'leave' : 'join'](GROUPS.dataOwners, PEOPLE.dana),
      'asks the requester',
    ],
  ])('an approver %s decides nothing', async (_name, person, change, reason) => {
    const id = await product.ask('finn')
    meanwhile(
      () => change(true),
      () => change(false),
    )
    for (const review of [APPROVE, DENY]) {
      const { status, code, message } = await refused(person, id, review)
      expect([status, code]).toEqual([403, 'NOT_YOURS_TO_DECIDE'])
      expect(message).toContain(reason)
    }
    await isPending(id)
  })

  test('what another entitlement of the same scope says does not help the approver', async () => {
    const { tenant } = product.entra
    meanwhile(
      () => tenant.join(GROUPS.onCall, PEOPLE.rita),
      () => tenant.leave(GROUPS.onCall, PEOPLE.rita),
    )
    const id = await product.ask('rita', OLD)
    expect(await refused('dana', id)).toEqual(NOT_FOUND)
    await isPending(id)
  })

  test('an entitlement that was taken out of the rules lets nobody say yes', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'latchkey-rules-'))
    try {
      const path = join(folder, 'latchkey.yaml')
      await writeFile(path, RULES.replace('name: reports-2026', 'name: reports-of-another-name'))
      const later = await product.startWeb({ LATCHKEY_CONFIG: path })
      const id = await product.ask('finn')
      const answer = await product.call('max', `/requests/${id}/reviews`, APPROVE, later)
      expect(refusal(answer)).toMatchObject({ code: 'NOT_YOURS_TO_DECIDE' })
      await isPending(id)
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})

describe('the requester’s eligibility is read again at the click', () => {
  test.each<readonly [string, () => void, () => void, string]>([
    [
      'left the group',
      () => product.entra.tenant.leave(GROUPS.finance, PEOPLE.rita),
      () => product.entra.tenant.join(GROUPS.finance, PEOPLE.rita),
      'No entitlement names',
    ],
    [
      'is disabled',
      () => product.entra.tenant.disable(PEOPLE.rita),
      () => product.entra.tenant.enable(PEOPLE.rita),
      'disabled',
    ],
  ])('a requester who %s since cannot be approved, but denied', async (_name, change, back, reason) => {
    const id = await product.ask('rita')
    meanwhile(change, back)
    const { status, code, message } = await refused('max', id)
    expect([status, code]).toEqual([422, 'NOT_ELIGIBLE'])
    expect(message).toContain(reason)
    await isPending(id)
    expect((await product.review('max', id, DENY)).body.status).toBe('denied')
  })

  test('what another entitlement of the same scope says does not help the requester', async () => {
    const { tenant } = product.entra
    tenant.join(GROUPS.onCall, PEOPLE.rita)
    const id = await product.ask('rita', OLD)
    tenant.leave(GROUPS.onCall, PEOPLE.rita)
    expect(await refused('max', id)).toMatchObject({ code: 'NOT_ELIGIBLE' })
    await isPending(id)
  })
})

describe('while the directory does not answer, nothing is decided', () => {
  test.each([
    ['slower than a click waits', { kind: 'slow', milliseconds: 60_000 }],
    ['down', { kind: 'down' }],
    ['throttled', { kind: 'status', status: 429, retryAfterSeconds: 7 }],
    ['behind a proxy that answers for it', { kind: 'web-page' }],
  ] as const)('it is %s', async (_name, fault) => {
    const id = await product.ask('finn')
    product.entra.faults.fail('graph', fault)
    const answers = await Promise.all([APPROVE, DENY].map((review) => product.review('max', id, review)))
    for (const answer of answers) {
      expect(refusal(answer)).toMatchObject({ status: 503, code: 'UNAVAILABLE' })
      expect(answer.body.error?.message).toContain('cannot reach the directory')
    }
    product.entra.faults.heal()
    await isPending(id)
    expect((await product.review('max', id, APPROVE)).body.status).toBe('approved')
  })

  test('to whoever was not asked, a request reads like one that does not exist', async () => {
    const id = await product.ask('rita')
    product.entra.faults.fail('graph', { kind: 'down' })
    for (const review of [APPROVE, DENY]) {
      expect(await refused('finn', id, review)).toEqual(NOT_FOUND)
      expect(await refused('finn', 'r-000000000000', review)).toEqual(NOT_FOUND)
      expect(await refused('max', id, review)).toMatchObject({ status: 503 })
    }
    product.entra.faults.heal()
    await isPending(id)
  })

  test('it does not say whether the approver’s account is enabled', async () => {
    const { tenant } = product.entra
    const id = await product.ask('finn')
    meanwhile(
      () => tenant.change(PEOPLE.max, { accountEnabled: null }),
      () => tenant.enable(PEOPLE.max),
    )
    expect(await refused('max', id)).toMatchObject({ status: 503, code: 'UNAVAILABLE' })
    await isPending(id)
  })
})

describe('after the decision', () => {
  test('every other click is told who decided, and when', async () => {
    const id = await product.ask('rita')
    const { body } = await product.review('dana', id, DENY)
    expect(body).toMatchObject({ status: 'denied', decision: { by: 'Dana Okafor', as: 'group:data-owners' } })
    expect(await refused('max', id)).toEqual({
      status: 409,
      code: 'CONFLICT',
      message: `This request was already denied by Dana Okafor at ${body.closedAt}. Nothing was changed.`,
    })
    expect((await product.call('max', `/requests/${id}`)).body).toMatchObject({ status: 'denied', grantId: null })
    expect(await product.events('request.approved', id)).toEqual([])
  })

  test('a double click by the same person changes nothing the second time', async () => {
    const id = await product.ask('rita')
    const clicks = await Promise.all([1, 2, 3].map(() => product.review('max', id, APPROVE)))
    expect(clicks.map(({ status }) => status).sort()).toEqual([200, 409, 409])
    const before = await product.call('max', `/requests/${id}`)
    const again = await refused('max', id)
    expect(again).toMatchObject({ code: 'CONFLICT', message: expect.stringContaining('approved by Max Mertens at') })
    expect((await product.call('max', `/requests/${id}`)).body).toEqual(before.body)
    expect(await product.events('request.approved', id)).toHaveLength(1)
    const grants = (await product.call('rita', '/grants')).body.grants?.filter(({ requestId }) => requestId === id)
    expect(grants).toHaveLength(1)
  })

  test('a cancelled request cannot be approved, and an approved one cannot be cancelled', async () => {
    const cancelled = await product.ask('rita')
    await product.call('rita', `/requests/${cancelled}/cancel`)
    expect(await refused('max', cancelled)).toMatchObject({
      code: 'CONFLICT',
      message: expect.stringContaining('already cancelled by Rita Reyes at'),
    })
    const approved = await product.ask('rita')
    await product.review('max', approved, APPROVE)
    expect(refusal(await product.call('rita', `/requests/${approved}/cancel`))).toMatchObject({
      code: 'CONFLICT',
      message: expect.stringContaining('already approved by Max Mertens at'),
    })
    expect(await product.events('cancel.refused', approved)).toHaveLength(1)
  })

  test('only the requester cancels', async () => {
    const id = await product.ask('rita')
    for (const person of ['max', 'finn', 'omar'] as const) {
      expect(refusal(await product.call(person, `/requests/${id}/cancel`))).toEqual(NOT_FOUND)
    }
    await isPending(id)
    expect(await product.events('cancel.refused', id)).toHaveLength(3)
  })
})

test('a yes to another version of the request than the one that was shown is no yes', async () => {
  const id = await product.ask('rita')
  const { version } = (await product.call('max', `/requests/${id}`)).body
  const other = (await product.call('max', `/requests/${await product.ask('rita')}`)).body.version
  // The last one has the form that an older Latchkey put on its cards.
  for (const shown of [other, String(version).replace(/^2\./, '1.'), '1-AbCdEfGhIjKlMnOpQrStUv'])
    expect(await refused('max', id, { ...APPROVE, version: shown })).toMatchObject({
      status: 409,
      code: 'CONFLICT',
      message: expect.stringContaining('changed meanwhile'),
    })
  await isPending(id)
  expect((await product.review('max', id, { ...APPROVE, version })).body.status).toBe('approved')
})

test('what somebody wrote into the record is approved by nobody, and the alarm is raised', async () => {
  const id = await product.ask('finn')
  const { version } = (await product.call('dana', `/requests/${id}`)).body
  const before = await product.stored('request', id)
  const changes = [
    { scopes: ['s3://finance-reports/2026/other/'] },
    { levels: ['delete'] },
    { durationMinutes: 480 },
    { reason: 'something else' },
    { requester: { objectId: PEOPLE.nils, name: 'Finn Falk' } },
    { lapsesAt: '2099-01-01T00:00:00.000Z' },
    { reviews: [FORGED_DENIAL] },
    { reviews: [{ ...FORGED_DENIAL, decision: 'approve' }] },
  ]
  for (const change of changes) {
    await product.forge('request', id, { ...before, ...change })
    const { status, code } = await refused('dana', id, { ...APPROVE, version })
    expect([status, code], Object.keys(change).join()).toEqual([404, 'NOT_FOUND'])
  }
  await product.forge('request', id, before)
  await isPending(id)
  expect(await product.events('alarm.ask-does-not-add-up', id)).toHaveLength(changes.length)
  expect((await product.review('dana', id, { ...APPROVE, version })).body.status).toBe('approved')
})

test('a request that lapsed is not approved, before the sweep has come by and after', async () => {
  const id = await product.ask('rita')
  const lapsesAt = new Date(Date.now() - 1_000).toISOString()
  await product.lapseAt(id, lapsesAt)
  expect(await refused('max', id)).toEqual({
    status: 410,
    code: 'OVER',
    message: `This request ended at ${lapsesAt}. Ask again if you still need access.`,
  })
  await isPending(id)
  await product.startWorkers()
  await eventually(async () => expect((await product.call('rita', `/requests/${id}`)).body.status).toBe('lapsed'))
  const { closedAt } = (await product.call('rita', `/requests/${id}`)).body
  expect(await refused('max', id)).toMatchObject({
    code: 'CONFLICT',
    message: expect.stringContaining(`already lapsed at ${closedAt}`),
  })
  expect(await product.events('request.lapsed', id)).toMatchObject([{ actor: { kind: 'latchkey' } }])
})
