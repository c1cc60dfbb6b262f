import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { GROUPS, PEOPLE, type PersonName } from '../../../sandbox/entra/fixture.ts'
import { type Product, refusal, startProduct, write } from '../../fixtures/product.ts'

const NOT_FOUND = {
  status: 404,
  code: 'NOT_FOUND',
  message: 'There is no such grant, or it is not yours to see. Check the id.',
}

let product: Product

beforeAll(async () => {
  product = await startProduct()
  await product.startWorkers()
})

afterAll(async () => {
  await product.stop()
})

/** The sessions that STS has opened for the grant. */
function sessions(grantId: string): number {
  return [...product.aws.state.sessions.values()].filter(({ sessionName }) => sessionName === grantId).length
}

async function vendRefused(person: PersonName, grantId: string) {
  const before = sessions(grantId)
  const answer = refusal(await product.vend(person, grantId))
  expect(sessions(grantId)).toBe(before)
  return answer
}

test('credentials go to the requester alone; to everybody else the grant reads like none, and that is audited', async () => {
  const grantId = await product.active()
  for (const person of ['max', 'dana', 'omar', 'finn'] as const) {
    expect(await vendRefused(person, grantId), person).toEqual(NOT_FOUND)
    const [event] = (await product.events('vend.refused', grantId)).slice(-1)
    expect(event).toMatchObject({ code: 'NOT_FOUND', actor: { objectId: PEOPLE[person] } })
  }
  expect(await vendRefused('rita', 'g-000000000000')).toEqual(NOT_FOUND)
  expect(await product.events('vend.intended', grantId)).toEqual([])

  const credentialsCache = await product.vend('rita', grantId)
  expect(credentialsCache.status).toBe(200)
  expect(await write(product, credentialsCache)).toBe('written')
  expect(await write(product, credentialsCache, '2025/report.csv')).toBe('AccessDenied')
  expect(await product.events('vend.intended', grantId)).toMatchObject([
    { actor: { objectId: PEOPLE.rita }, address: '127.0.0.1' },
  ])
})

test('credentials never outlive the grant', async () => {
  const grantId = await product.active('finn', { duration: '1m' })
  const { endsAt } = await product.stored('grant', grantId)
  const { body } = await product.vend('finn', grantId)
  expect(Date.parse(body.Expiration ?? '')).toBeLessThanOrEqual(Date.parse(String(endsAt)))
  const session = product.aws.state.sessions.get(body.AccessKeyId ?? '')
  expect(session?.policy).toContain(`"aws:CurrentTime":"${String(endsAt).replace('.000Z', 'Z')}"`)
})

test('the intent to vend is in the audit before STS is asked', async () => {
  const grantId = await product.active()
  const held = product.aws.faults.hold({ service: 'sts', action: 'AssumeRole' }, { when: 'before' })
  const vending = product.vend('rita', grantId)
  await held.arrived
  expect(await product.events('vend.intended', grantId)).toHaveLength(1)
  held.release()
  expect((await vending).status).toBe(200)
})

test('many vends at the same moment are all answered, each session with its own intent; later ones are given the last of them', async () => {
  const grantId = await product.active()
  const before = sessions(grantId)
  const credentialsCache = await Promise.all(Array.from({ length: 10 }, () => product.vend('rita', grantId)))
  expect(credentialsCache.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 200))
  const opened = sessions(grantId) - before
  expect(await product.events('vend.intended', grantId)).toHaveLength(opened)
  const later = await Promise.all([1, 2, 3].map(() => product.vend('rita', grantId)))
  expect(new Set(later.map(({ body }) => body.AccessKeyId)).size).toBe(1)
  expect(sessions(grantId) - before).toBe(opened)
})

describe('outside its time a grant vends nothing', () => {
  test('after its end, though nobody has come by to call it expired', async () => {
    const grantId = await product.active()
    const endsAt = new Date(Date.now() - 1_000).toISOString()
    await product.forge('grant', grantId, { ...(await product.stored('grant', grantId)), endsAt })
    expect(await vendRefused('rita', grantId)).toEqual({
      status: 410,
      code: 'OVER',
      message: `Grant ${grantId} ended at ${endsAt}. Ask again if you still need access.`,
    })
  })

  test('from the moment somebody ends it, though AWS is not asked yet', async () => {
    const grantId = await product.active('finn')
    const held = product.aws.faults.hold({ service: 'iam', action: 'PutRolePolicy' }, { when: 'before' })
    await product.call('finn', `/grants/${grantId}/end`)
    await held.arrived
    expect(await vendRefused('finn', grantId)).toMatchObject({ status: 410, code: 'OVER' })
    held.release()
    await product.untilStatus(grantId, 'revoked')
    expect(await vendRefused('finn', grantId)).toMatchObject({ status: 410, code: 'OVER' })
  })
})

describe('eligibility is read again at vend', () => {
  test.each<readonly [string, () => void, () => void]>([
    [
      'whose account was disabled',
      () => product.entra.tenant.disable(PEOPLE.nils),
      () => product.entra.tenant.enable(PEOPLE.nils),
    ],
    [
      'who left the group',
      () => product.entra.tenant.leave(GROUPS.financeTrainees, PEOPLE.nils),
      () => product.entra.tenant.join(GROUPS.financeTrainees, PEOPLE.nils),
    ],
  ])('a requester %s gets nothing, and the grant ends for good', async (_name, change, back) => {
    const grantId = await product.approved('nils', {}, 'finn')
    await product.untilStatus(grantId, 'active')
    change()
    try {
      expect(await vendRefused('nils', grantId)).toMatchObject({ status: 422, code: 'NOT_ELIGIBLE' })
    } finally {
      back()
    }
    await product.untilStatus(grantId, 'revoked')
    expect(product.denied()).toContainEqual(expect.stringMatching(new RegExp(`:${grantId}$`)))
    expect(await vendRefused('nils', grantId)).toMatchObject({ code: 'OVER' })
    const cause = 'no-longer-eligible'
    expect(await product.events('grant.end-asked', grantId)).toMatchObject([{ cause, actor: { kind: 'latchkey' } }])
    expect(await product.events('grant.revoked', grantId)).toMatchObject([{ cause }])
  })

  test('by each process before its first vend, and not again at once', async () => {
    const grantId = await product.active('finn')
    const asked = () => product.entra.graphCalls.filter(({ path }) => path.endsWith('/checkMemberGroups')).length
    const before = asked()
    for (let n = 0; n < 3; n += 1) expect((await product.vend('finn', grantId)).status).toBe(200)
    expect(asked()).toBe(before + 1)
    const other = await product.startWeb()
    expect((await product.call('finn', `/grants/${grantId}/credentials`, undefined, other)).status).toBe(200)
    expect(asked()).toBe(before + 2)
  })

  test('while the directory does not answer, only who was found eligible shortly before gets credentials', async () => {
    const [known, unknown] = [await product.active('finn'), await product.active('finn')]
    expect((await product.vend('finn', known)).status).toBe(200)
    product.entra.faults.fail('graph', { kind: 'status', status: 503, retryAfterSeconds: 60 })
    try {
      expect((await product.vend('finn', known)).status).toBe(200)
      expect(await vendRefused('finn', unknown)).toMatchObject({ status: 503, code: 'UNAVAILABLE' })
    } finally {
      product.entra.faults.heal()
    }
    expect((await product.stored('grant', unknown)).status).toBe('active')
    expect((await product.vend('finn', unknown)).status).toBe(200)
  })
})

test('before AWS was asked to allow anything, nothing is vended', async () => {
  await product.kill('workers', 'SIGTERM')
  const grantId = await product.approved()
  expect(await vendRefused('rita', grantId)).toEqual({
    status: 409,
    code: 'CONFLICT',
    message: 'This grant is still being activated. Try again in a few seconds.',
  })
  await product.startWorkers()
  await product.untilStatus(grantId, 'active')
  expect((await product.vend('rita', grantId)).status).toBe(200)
})
