import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PEOPLE } from '../../../sandbox/entra/fixture.ts'
import { newId } from '../../../src/store/ids.ts'
import {
  APPROVE,
  eventually,
  type JsonObject,
  type Product,
  refusal,
  startProduct,
  write,
} from '../../fixtures/product.ts'
import type { Answer } from '../../fixtures/world.ts'

/** What an attacker with `redis-cli` can do: change everything in Redis, but make no MAC of APPROVAL_KEY. */

const HOUR_MS = 3_600_000
const ALARM = 'alarm.yes-does-not-add-up'

let product: Product

beforeAll(async () => {
  product = await startProduct()
  await product.startWorkers()
})

afterAll(async () => {
  await product.stop()
})

function iso(ms: number): string {
  return new Date(Math.floor(ms / 1_000) * 1_000).toISOString()
}

function sessions(grantId: string): number {
  return [...product.aws.state.sessions.values()].filter(({ sessionName }) => sessionName === grantId).length
}

/** Names the job as a commit does. */
async function nameJob(act: 'activate' | 'revoke', recordId: string): Promise<void> {
  await product.cli.xadd('{latchkey}:outbox', '*', 'job', JSON.stringify({ act, recordId, occasion: 'forged' }))
}

async function alarm(grantId: string, found: string): Promise<void> {
  await eventually(async () => expect(await product.events(ALARM, grantId)).toMatchObject([{ found, grantId }]))
}

/** A forged grant that is right in everything except the MAC. */
async function plausible(status: 'activating' | 'active'): Promise<JsonObject & { id: string }> {
  const [role] = product.seeded.roles
  const id = newId('g')
  const terms = {
    grantId: id,
    requestId: newId('r'),
    requestVersion: 1,
    requester: PEOPLE.rita,
    principal: { driver: 'session', account: '111122223333', roleArn: role?.arn, roleId: role?.roleId },
    scopes: ['s3://finance-reports/'],
    levels: ['write', 'delete'],
    durationMinutes: 60,
    decidedAt: iso(Date.now()),
    approver: PEOPLE.max,
    entitlement: 'finance-reports',
    rulesHash: '0'.repeat(64),
  }
  return {
    id,
    status,
    terms,
    mac: 'R4QmFyQ2bYc1v0kqk0b9yDqf0n2n1m0sZkqkq0b9yDo',
    requesterName: 'Rita Reyes',
    approverName: 'Max Mertens',
    attempts: status === 'active' ? 1 : 0,
    ...(status === 'active' ? { endsAt: iso(Date.now() + HOUR_MS), activatedAt: iso(Date.now()) } : {}),
  }
}

/** The grant becomes revoked, and the credentials vended before are refused. */
async function endsForGood(grantId: string, kept: Answer): Promise<void> {
  await product.untilStatus(grantId, 'revoked')
  expect(await write(product, kept)).toBe('AccessDenied')
}

async function vendsNothing(grantId: string): Promise<void> {
  const before = sessions(grantId)
  for (const person of ['rita', 'finn'] as const) {
    const { code } = refusal(await product.vend(person, grantId))
    expect(['NOT_FOUND', 'OVER']).toContain(code)
  }
  expect(sessions(grantId)).toBe(before)
}

describe('a grant that was made with redis-cli', () => {
  test('activates nothing, and the alarm is in the audit', async () => {
    const forged = await plausible('activating')
    await product.forge('grant', forged.id, forged)
    await product.cli.zadd('{latchkey}:due:grants', Date.now(), forged.id)
    await nameJob('activate', forged.id)
    await alarm(forged.id, 'the MAC is not ours')
    await product.untilStatus(forged.id, 'revoked')
    expect(sessions(forged.id)).toBe(0)
    await vendsNothing(forged.id)
  })

  test('vends nothing, the alarm is in the audit, and its id is denied', async () => {
    const forged = await plausible('active')
    await product.forge('grant', forged.id, forged)
    await vendsNothing(forged.id)
    await alarm(forged.id, 'the MAC is not ours')
    await product.untilStatus(forged.id, 'revoked')
    expect(product.denied()).toContainEqual(expect.stringContaining(forged.id))
    expect(await product.events('vend.intended', forged.id)).toEqual([])
  })
})

type Change = (terms: JsonObject) => JsonObject

const CHANGES: readonly (readonly [string, Change])[] = [
  ['scope', (terms) => ({ ...terms, scopes: ['s3://finance-reports/'] })],
  ['level', (terms) => ({ ...terms, levels: ['write', 'delete'] })],
  ['duration', (terms) => ({ ...terms, durationMinutes: 480 })],
  ['requester', (terms) => ({ ...terms, requester: PEOPLE.finn })],
  ['approver', (terms) => ({ ...terms, approver: PEOPLE.omar })],
  ['time of the yes', (terms) => ({ ...terms, decidedAt: iso(Date.now() + HOUR_MS) })],
  [
    'role',
    (terms) => ({
      ...terms,
      principal: { ...Object(terms.principal), roleArn: 'arn:aws:iam::111122223333:role/Admin' },
    }),
  ],
]

async function changeTerms(grantId: string, change: Change): Promise<void> {
  const grant = await product.stored('grant', grantId)
  await product.forge('grant', grantId, { ...grant, terms: change(Object(grant.terms)) })
}

describe('a yes to something else than what was approved', () => {
  test.each(CHANGES)(
    'an active grant whose %s was changed vends nothing, the alarm is in the audit, and what it had vended is worth nothing',
    async (_name, change) => {
      const grantId = await product.active()
      const kept = await product.vend('rita', grantId)
      expect(await write(product, kept)).toBe('written')
      await changeTerms(grantId, change)
      await vendsNothing(grantId)
      await alarm(grantId, 'the MAC is not ours')
      await endsForGood(grantId, kept)
    },
  )

  test('no grant that was changed between the yes and its activation is activated', async () => {
    await product.kill('workers', 'SIGTERM')
    const grants: string[] = []
    for (const [, change] of CHANGES) {
      const grantId = await product.approved('rita')
      await changeTerms(grantId, change)
      grants.push(grantId)
    }
    await product.startWorkers()
    for (const grantId of grants) {
      await alarm(grantId, 'the MAC is not ours')
      expect(sessions(grantId)).toBe(0)
      await vendsNothing(grantId)
    }
  })

  test('an end that was moved past what the yes allows vends nothing, and the alarm is in the audit', async () => {
    const grantId = await product.active()
    const grant = await product.stored('grant', grantId)
    await product.forge('grant', grantId, { ...grant, endsAt: iso(Date.now() + 24 * HOUR_MS) })
    await vendsNothing(grantId)
    await alarm(grantId, 'the end is too late')
    await product.untilStatus(grantId, 'revoked')
  })
})

describe('a real yes under another id', () => {
  test.each<readonly [string, (copy: string, original: JsonObject) => JsonObject, string]>([
    ['as it is', (_copy, original) => original, 'the yes belongs to another grant'],
    ['with the other id in the record', (id, original) => ({ ...original, id }), 'the yes belongs to another grant'],
    [
      'with the other id in the terms',
      (id, original) => ({ ...original, id, terms: { ...Object(original.terms), grantId: id } }),
      'the MAC is not ours',
    ],
  ])('%s neither activates nor vends, is ended itself, and leaves the original alone', async (_name, copied, found) => {
    const original = await product.active('finn')
    const grant = await product.stored('grant', original)
    const { endsAt: _1, activatedAt: _2, ...unused } = grant
    const [active, waiting] = [newId('g'), newId('g')]
    await product.forge('grant', active, copied(active, grant))
    await product.forge('grant', waiting, copied(waiting, { ...unused, status: 'activating', attempts: 0 }))
    await nameJob('activate', waiting)
    await vendsNothing(active)
    for (const id of [active, waiting]) {
      await alarm(id, found)
      await product.untilStatus(id, 'revoked')
      expect(sessions(id)).toBe(0)
    }
    expect((await product.stored('grant', original)).status).toBe('active')
    expect(await write(product, await product.vend('finn', original))).toBe('written')
    await product.call('finn', `/grants/${original}/end`)
    await product.untilStatus(original, 'revoked')
  })

  test('a request that was copied to another id is decided by nobody, and the original stays as it is', async () => {
    const original = await product.ask('finn')
    const copy = newId('r')
    await product.cli.hset(`{latchkey}:request:${copy}`, 'version', '7')
    await product.forge('request', copy, await product.stored('request', original))
    const { status } = await product.review('max', copy, APPROVE)
    expect(status).toBe(404)
    expect(await product.events('alarm.ask-does-not-add-up', copy)).toHaveLength(1)
    expect((await product.call('finn', `/requests/${original}`)).body.status).toBe('pending')
    expect((await product.call('finn', `/requests/${original}/cancel`)).body.status).toBe('cancelled')
  })
})

describe('a grant that is over, set back to active', () => {
  test('vends nothing, and the alarm is in the audit', async () => {
    const grantId = await product.active('finn')
    await product.call('finn', `/grants/${grantId}/end`)
    await product.untilStatus(grantId, 'revoked')
    await product.forge('grant', grantId, { ...(await product.stored('grant', grantId)), status: 'active' })
    await vendsNothing(grantId)
    await alarm(grantId, 'the grant had ended already')
    await product.untilStatus(grantId, 'revoked')
  })

  test('after its time vends and activates nothing, though every trace of its end was taken out', async () => {
    const grantId = await product.active('finn')
    const before = await product.stored('grant', grantId)
    // As if the grant's time had passed. An end earlier than the approved one is never a fault.
    const endsAt = iso(Date.now() - 1_000)
    await product.forge('grant', grantId, { ...before, endsAt })
    await nameJob('revoke', grantId)
    await product.untilStatus(grantId, 'expired')
    await product.forge('grant', grantId, { ...before, endsAt })
    await vendsNothing(grantId)
    expect((await product.stored('grant', grantId)).status).toBe('active')
  })

  test('after an early end gives credentials that AWS refuses, though every trace of its end was taken out', async () => {
    const grantId = await product.active('finn')
    const before = await product.stored('grant', grantId)
    await product.call('finn', `/grants/${grantId}/end`)
    await product.untilStatus(grantId, 'revoked')
    await product.forge('grant', grantId, before)
    expect(await write(product, await product.vend('finn', grantId))).toBe('AccessDenied')
  })
})

test.each<readonly [string, (grant: JsonObject) => JsonObject]>([
  ['taken out', ({ endsAt: _, ...grant }) => grant],
  ['moved into the past', (grant) => ({ ...grant, endsAt: iso(Date.now() - HOUR_MS) })],
])('an early end is in force before it is called revoked, though the end was %s', async (_name, change) => {
  const grantId = await product.active('finn')
  const kept = await product.vend('finn', grantId)
  await product.forge('grant', grantId, change(await product.stored('grant', grantId)))
  expect((await product.call('finn', `/grants/${grantId}/end`)).body.status).toBe('revoking')
  await endsForGood(grantId, kept)
})

test('junk in the record of denials keeps no early end from coming into force', async () => {
  const grantId = await product.active('finn')
  const kept = await product.vend('finn', grantId)
  const deny = await product.stored('deny', '111122223333.prod')
  const until = iso(Date.now() + HOUR_MS)
  await product.forge('deny', '111122223333.prod', { ...deny, denied: [{ userid: '*', until }] })
  await product.call('finn', `/grants/${grantId}/end`)
  await product.untilStatus(grantId, 'revoked')
  expect(await write(product, kept)).toBe('AccessDenied')
})
