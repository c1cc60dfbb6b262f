import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { PEOPLE, type PersonName } from '../../../sandbox/entra/fixture.ts'
import { eventually, type Product, refusal, startProduct, write } from '../../fixtures/product.ts'

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

afterEach(() => product.aws.faults.clear())

afterAll(async () => {
  await product.stop()
})

const end = (person: PersonName, grantId: string) => product.call(person, `/grants/${grantId}/end`)

function roleId(): string {
  const [role] = product.seeded.roles
  if (role === undefined) throw new Error('The sandbox was seeded without a role.')
  return role.roleId
}

describe('who ends a grant early', () => {
  test.each<readonly [string, PersonName, string]>([
    ['the requester', 'rita', 'done'],
    ['the approver', 'max', 'ended-by-approver'],
    ['an owner', 'omar', 'ended-by-owner'],
  ])('%s may', async (_name, person, cause) => {
    const grantId = await product.active()
    expect((await end(person, grantId)).body).toMatchObject({ status: 'revoking', endCause: cause })
    await product.untilStatus(grantId, 'revoked')
    expect(await product.events('grant.end-asked', grantId)).toMatchObject([
      { cause, actor: { objectId: PEOPLE[person] } },
    ])
  })

  test('to everybody else it reads like none, nothing ends, and that is audited', async () => {
    const grantId = await product.active()
    for (const person of ['finn', 'nils', 'oona'] as const) {
      expect(refusal(await end(person, grantId)), person).toEqual(NOT_FOUND)
      expect(refusal(await product.call(person, `/grants/${grantId}`)), person).toEqual(NOT_FOUND)
    }
    expect(refusal(await end('rita', 'g-000000000000'))).toEqual(NOT_FOUND)
    expect((await product.stored('grant', grantId)).status).toBe('active')
    const actors = (await product.events('end.refused', grantId)).map(({ actor }) => actor)
    expect(actors).toEqual([PEOPLE.finn, PEOPLE.nils, PEOPLE.oona].map((objectId) => ({ kind: 'person', objectId })))
  })
})

test('an early end of one of two sessions of a role refuses exactly that one', async () => {
  const [mine, other] = [await product.active('rita'), await product.active('finn')]
  const [kept, others] = [await product.vend('rita', mine), await product.vend('finn', other)]
  expect([await write(product, kept), await write(product, others)]).toEqual(['written', 'written'])
  await end('rita', mine)
  await product.untilStatus(mine, 'revoked')
  expect([await write(product, kept), await write(product, others)]).toEqual(['AccessDenied', 'written'])
  expect(product.denied()).toContain(`${roleId()}:${mine}`)
  expect(product.denied()).not.toContain(`${roleId()}:${other}`)
})

test('many early ends at the same moment are all in force when they are called revoked', async () => {
  const people = ['rita', 'rita', 'rita', 'finn', 'finn', 'finn'] as const
  const grants = await Promise.all(people.map((person) => product.active(person)))
  const kept = await Promise.all(grants.map((id, n) => product.vend(people[n] ?? 'rita', id)))
  await Promise.all(grants.map((id, n) => end(people[n] ?? 'rita', id)))
  for (const id of grants) await product.untilStatus(id, 'revoked')
  const tried = await Promise.all(kept.map((credentials) => write(product, credentials)))
  expect(tried).toEqual(people.map(() => 'AccessDenied'))
})

test('a second end changes nothing', async () => {
  const grantId = await product.active()
  const clicks = await Promise.all([end('rita', grantId), end('max', grantId), end('rita', grantId)])
  expect(clicks.map(({ status }) => status).every((status) => status === 200 || status === 410)).toBe(true)
  await product.untilStatus(grantId, 'revoked')
  expect(await product.events('grant.end-asked', grantId)).toHaveLength(1)
  const { endedAt } = await product.stored('grant', grantId)
  expect(refusal(await end('max', grantId))).toMatchObject({
    status: 410,
    code: 'OVER',
    message: `This grant ended at ${endedAt}. Ask again if you still need access.`,
  })
  expect(await product.events('grant.revoked', grantId)).toHaveLength(1)
})

describe('revoked is said only after AWS was seen to refuse', () => {
  test('while AWS refuses the Deny document the grant is ending, vends nothing, and is revoked when AWS takes it', async () => {
    const grantId = await product.active()
    const kept = await product.vend('rita', grantId)
    const failure = { code: 'ServiceFailure', status: 500, times: 1_000 }
    product.aws.faults.fail({ service: 'iam', action: 'PutRolePolicy' }, failure)
    await end('rita', grantId)
    await product.aws.journal.waitFor(({ action, errorCode }) => action === 'PutRolePolicy' && errorCode !== undefined)
    await eventually(() => expect(product.output()).toContain('an early end is not in force yet'))
    expect((await product.stored('grant', grantId)).status).toBe('revoking')
    expect(await product.events('grant.revoked', grantId)).toEqual([])
    expect(await write(product, kept)).toBe('written')
    product.aws.faults.clear()
    await product.untilStatus(grantId, 'revoked')
    expect(await write(product, kept)).toBe('AccessDenied')
  })

  test('a denial that somebody wrote into the record is not believed', async () => {
    const grantId = await product.active()
    const kept = await product.vend('rita', grantId)
    const deny = await product.stored('deny', '111122223333.prod')
    const known = Array.isArray(deny.denied) ? deny.denied : []
    const until = new Date(Date.now() + 86_400_000).toISOString()
    await product.forge('deny', '111122223333.prod', {
      ...deny,
      denied: [...known, { userid: `${roleId()}:${grantId}`, until }],
    })
    expect(product.denied()).not.toContain(`${roleId()}:${grantId}`)
    await end('rita', grantId)
    await product.untilStatus(grantId, 'revoked')
    expect(product.denied()).toContain(`${roleId()}:${grantId}`)
    expect(await write(product, kept)).toBe('AccessDenied')
  })

  test('a grant that somebody took out of the index of ending grants is denied all the same', async () => {
    const grantId = await product.active()
    const kept = await product.vend('rita', grantId)
    const index = '{latchkey}:index:revoking:111122223333.prod'
    await product.kill('workers', 'SIGTERM')
    await end('rita', grantId)
    expect(await product.cli.zrem(index, grantId)).toBe(1)
    await product.startWorkers()
    await product.untilStatus(grantId, 'revoked')
    expect(product.denied()).toContain(`${roleId()}:${grantId}`)
    expect(await write(product, kept)).toBe('AccessDenied')
  })
})

test('a grant that is ended before AWS was asked is never activated', async () => {
  await product.kill('workers', 'SIGTERM')
  const grantId = await product.approved()
  expect((await end('rita', grantId)).body.status).toBe('revoking')
  await product.startWorkers()
  await product.untilStatus(grantId, 'revoked')
  expect(await product.events('grant.attempted', grantId)).toEqual([])
  const sessions = [...product.aws.state.sessions.values()].filter(({ sessionName }) => sessionName === grantId)
  expect(sessions).toEqual([])
})
