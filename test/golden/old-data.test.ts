import { Queue } from 'bullmq'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { seeMessage } from '../../sandbox/demo/rooms.ts'
import { PEOPLE } from '../../sandbox/entra/fixture.ts'
import { APPROVE, eventually, type Product } from '../fixtures/product.ts'
import { frozenMacOf, frozenPurpose } from './frozen-signing.ts'
import { frozenPurpose2 } from './frozen-signing-2.ts'
import { makeOldData, type OldData, type OldRecord } from './old-records.ts'
import { startStoryWorld } from './story.ts'

/** A Redis of an older Latchkey: nothing in it may be lost, called forged or shown wrongly. */

let product: Product
let old: OldData

beforeAll(async () => {
  product = await startStoryWorld()
  // The state that the old version left: the roles were adopted, and no worker runs.
  await product.startWorkers()
  await eventually(async () => expect(await product.stored('deny', DENY_ID)).toHaveProperty('mac'))
  await product.kill('workers', 'SIGTERM')
  old = makeOldData(await factsOf(product))
  await writeOld(product, old)
  expect(await product.cli.exists(`{latchkey}:activate:${queuedId(old)}`)).toBe(1)
}, 120_000)

afterAll(() => product?.stop())

const DENY_ID = '111122223333.prod'

async function factsOf({ aws, seeded, environment, cli, teams, entra }: Product) {
  const [role] = seeded.roles
  const user = aws.state.users.get('finn')
  if (role === undefined || user === undefined) throw new Error('The sandbox has no role or no user.')
  return {
    approvalKey: environment('web').APPROVAL_KEY ?? '',
    nowMs: Date.now(),
    epoch: (await cli.get('{latchkey}:epoch')) ?? '',
    account: aws.state.account,
    role: { roleArn: role.arn, roleId: role.roleId },
    user: { arn: user.arn, userid: user.userId },
    rita: { objectId: PEOPLE.rita, name: 'Rita Reyes' },
    finn: { objectId: PEOPLE.finn, name: 'Finn Falk' },
    max: { objectId: PEOPLE.max, name: 'Max Mertens' },
    tenantId: entra.tenantId,
    serviceUrl: teams.serviceUrl,
  }
}

async function writeOld({ cli }: Product, old: OldData): Promise<void> {
  const { records, entries, jobs } = old
  for (const { kind, id, version, json } of records) {
    const key = `{latchkey}:${kind}:${id}`
    // The deny list exists already.
    const known = Number((await cli.hget(key, 'version')) ?? '0')
    await cli.hset(key, { version: String(known + Math.max(version, 1)), json: JSON.stringify(json) })
  }
  for (const { key, member, score } of entries) await cli.zadd(key, score, member)
  const [queued, ...waiting] = jobs
  for (const job of waiting) await cli.xadd('{latchkey}:outbox', '*', 'job', JSON.stringify(job))
  const queue = new Queue('activate', { connection: cli, prefix: '{latchkey}' })
  await queue.add('activate', { recordId: queued?.recordId }, { ...OLD_JOB, jobId: queuedId(old) })
  await queue.close()
}

/** How commit bc0697b put a job into BullMQ, except its id. */
const OLD_JOB = {
  delay: 0,
  attempts: Number.MAX_SAFE_INTEGER,
  backoff: { type: 'custom' },
  removeOnComplete: true,
  removeOnFail: { age: 30 * 86_400 },
  stackTraceLimit: 0,
}

const queuedId = ({ jobs: [job] }: OldData) => `activate-${job?.recordId}-1`

const timeFromNow = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString()

function named(kind: string, name: string): OldRecord {
  const found = old.records.find((record) => record.kind === kind && record.name === name)
  if (found === undefined) throw new Error(`There is no ${kind} ${name}.`)
  return found
}

const requesterOf = ({ json }: OldRecord) =>
  JSON.stringify(json).includes('"own-user"') ? ('finn' as const) : ('rita' as const)

const statusOf = async ({ kind, id }: OldRecord) =>
  (await product.stored(kind === 'grant' ? 'grant' : 'request', id)).status

describe('what an older Latchkey left', () => {
  test('is shown as it is, before any worker runs', async () => {
    for (const kind of ['request', 'grant'] as const) {
      const all = old.records.filter((record) => record.kind === kind)
      expect(new Set(all.map(({ json }) => json.status)).size).toBe(5)
      for (const record of all) {
        const { status, body } = await product.call(requesterOf(record), `/${kind}s/${record.id}`)
        expect([record.name, status, body.status]).toEqual([record.name, 200, record.json.status])
      }
    }
    const listed = (await product.call('rita', '/requests?limit=100')).body.requests ?? []
    const own = old.records.filter((record) => record.kind === 'request' && requesterOf(record) === 'rita')
    expect(listed.map(({ id }) => id).sort()).toEqual(own.map(({ id }) => id).sort())
  })

  test('gives what it gave: credentials of what is active, and of nothing else', async () => {
    const grants = old.records.filter(({ kind }) => kind === 'grant')
    const answers = await Promise.all(
      grants.map(async (record) => [record.name, (await product.vend(requesterOf(record), record.id)).status] as const),
    )
    expect(Object.fromEntries(answers)).toEqual({
      activating: 409,
      'activating, attached': 409,
      active: 200,
      'active, extended': 200,
      revoking: 410,
      'active, over': 410,
      expired: 410,
      revoked: 410,
      failed: 410,
    })
  })

  test('is decided on: a request, one with every field, and one for more time', async () => {
    for (const name of ['pending, with everything', 'for more time']) {
      const { status, body } = await product.review('max', named('request', name).id, APPROVE)
      expect([name, body.error, status, body.status]).toEqual([name, undefined, 200, 'approved'])
    }
    expect(await product.events('grant.extended', named('grant', 'active').id)).toHaveLength(1)
    const late = await product.review('max', named('request', 'denied').id, APPROVE)
    expect(late.status).toBe(409)
  })

  test('is not decided after the time that the rules give, though somebody wrote a later one into the record', async () => {
    const { json } = named('request', 'pending, over')
    const id = 'r-0000000000aa'
    const moved = { ...json, id, askedAt: timeFromNow(-9 * 60), lapsesAt: timeFromNow(60) }
    const { APPROVAL_KEY = '' } = product.environment('web')
    await product.forge('request', id, { ...moved, mac: frozenMacOf(APPROVAL_KEY, 'request', moved) })
    const { status, body } = await product.review('max', id, APPROVE)
    expect([status, body.error?.code]).toEqual([410, 'OVER'])
  })

  test('goes on with workers: activated, revoked, ended on time, lapsed, shown and told', async () => {
    await product.teams.open('max')
    await product.startWorkers()
    const wanted: readonly (readonly [string, string, string])[] = [
      ['grant', 'activating', 'active'],
      ['grant', 'activating, attached', 'active'],
      ['grant', 'active', 'active'],
      ['grant', 'active, extended', 'active'],
      ['grant', 'revoking', 'revoked'],
      ['grant', 'active, over', 'expired'],
      ['grant', 'expired', 'expired'],
      ['grant', 'revoked', 'revoked'],
      ['grant', 'failed', 'revoked'],
      ['request', 'pending', 'pending'],
      ['request', 'pending, over', 'lapsed'],
      ['request', 'denied', 'denied'],
      ['request', 'cancelled', 'cancelled'],
      ['request', 'lapsed', 'lapsed'],
    ]
    for (const [kind, name, status] of wanted)
      await eventually(async () => expect(await statusOf(named(kind, name)), `${kind} ${name}`).toBe(status))
    // A finished job leaves the queue.
    await eventually(async () => expect(await product.cli.exists(`{latchkey}:activate:${queuedId(old)}`)).toBe(0))
    const card = await seeMessage(product, 'max', 'personal', ['old: pending'])
    expect(JSON.stringify(card.card)).toContain(named('request', 'pending').id)
    await eventually(async () => expect(await product.events('notice.posted')).toHaveLength(1))
  }, 120_000)

  test('an old card decides nothing and gets the present card, which decides what it shows', async () => {
    const card = await seeMessage(product, 'max', 'personal', ['old: pending'])
    // What commit bc0697b put on the card: the record's number and a hash of the whole record.
    const data = { requestId: named('request', 'pending').id, version: '1-AbCdEfGhIjKlMnOpQrStUv' }
    const answer = await product.teams.invoke('max', card.id, { verb: 'approve', data })
    expect(JSON.stringify(answer)).toContain('old: pending')
    expect(JSON.stringify(answer)).toContain('This request changed meanwhile.')
    expect(await statusOf(named('request', 'pending'))).toBe('pending')
    expect(await product.teams.click('max', card.id, 'approve', {})).toMatchObject({ kind: 'card' })
    expect(await statusOf(named('request', 'pending'))).toBe('approved')
  })

  test('denies whom it denied, also whom AWS did not refuse any more', async () => {
    const ids = JSON.stringify(named('deny', 'deny list').json).match(/AROA\w+:g-\w{12}/g) ?? []
    expect(ids).toHaveLength(2)
    await eventually(() => expect(product.denied()).toEqual(expect.arrayContaining(ids)))
    expect(product.denied().some((id) => id.endsWith(named('grant', 'revoking').id))).toBe(true)
  })

  test('was called forged or lost nowhere, and what is not written again is signed as it was', async () => {
    const kinds = new Set((await product.audit()).map(({ kind }) => String(kind)))
    // A slow machine may revoke late. That alarm says nothing about the records that were read.
    const unread = /^alarm\.(?!revoke-overdue)|due-taken-out|taken-away/
    expect([...kinds].filter((kind) => unread.test(kind))).toEqual([])
    const { APPROVAL_KEY = '' } = product.environment('web')
    for (const kind of ['request', 'grant', 'deny', 'notice'] as const) {
      for (const { id, name } of old.records.filter((record) => record.kind === kind)) {
        const stored = await product.stored(kind, id)
        const isSignedAgain = name === 'deny list' || (kind === 'grant' && name === 'active')
        const purpose = isSignedAgain ? frozenPurpose2 : frozenPurpose
        expect(purpose(APPROVAL_KEY, kind, stored), `${kind} ${name}`).toBeDefined()
      }
    }
  })
})
