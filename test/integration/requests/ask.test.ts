import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { GROUPS, PEOPLE, type PersonName } from '../../../sandbox/entra/fixture.ts'
import { APPROVE, ASK, eventually, type Product, refusal, startProduct } from '../../fixtures/product.ts'
import { freePort } from '../../fixtures/world.ts'

const RULES = `version: 1
groups:
  finance: ${GROUPS.finance}
  on-call: ${GROUPS.onCall}
  data-owners: ${GROUPS.dataOwners}
accounts:
  prod: { id: "111122223333", elevationRole: latchkey/prod }
buckets:
  finance-reports: { account: prod, region: eu-west-1, owners: ["group:data-owners"] }
  payroll: { account: prod, region: eu-west-1, owners: ["group:data-owners"] }
entitlements:
  - name: reports-2026
    who: ["group:finance"]
    scopes: [s3://finance-reports/2026/]
    levels: [read, write]
    duration: { default: 45m, longest: 8h }
    approval: [{ need: 1, from: [manager] }]
  - name: payroll
    who: ["group:on-call"]
    scopes: [s3://payroll/]
    levels: [read]
    duration: { default: 45m, longest: 2h }
    approval: [{ need: 1, from: ["group:data-owners"] }]
...
`
const MAY_ASK = 'You may ask for: reports-2026: read, write on s3://finance-reports/2026/ for up to 8h.'

let product: Product

beforeAll(async () => {
  product = await startProduct({ rules: RULES, env: { LOG_LEVEL: 'warn' } })
})

afterAll(async () => {
  await product.stop()
})

async function refused(person: PersonName, changes: object = {}) {
  return refusal(await product.call(person, '/requests', { ...ASK, ...changes }))
}

/** Everything that would show that something was written. */
async function written() {
  const keys = (await product.cli.keys('{latchkey}:*')).filter((key) => !key.startsWith('{latchkey}:commit:'))
  const dumps = await Promise.all(keys.sort().map((key) => product.cli.dumpBuffer(key)))
  return keys.map((key, position) => `${key} ${dumps[position]?.toString('hex')}`)
}

describe('an ask outside the rules is refused with the reason and with what may be asked', () => {
  test.each([
    [
      'another prefix',
      { scope: 's3://finance-reports/2025/' },
      'No entitlement of yours reaches s3://finance-reports/2025/.',
    ],
    ['the whole bucket', { scope: 's3://finance-reports/' }, 'No entitlement of yours reaches s3://finance-reports/.'],
    ['a prefix that only begins alike', { scope: 's3://finance-reports/2026-old/' }, 'No entitlement of yours reaches'],
    ['another level', { levels: ['write', 'delete'] }, 'No entitlement of yours allows delete on'],
    [
      'too long',
      { duration: '9h' },
      '9h is too long: you may have write on s3://finance-reports/2026/ for 8h at most.',
    ],
    ['longer by a minute', { duration: '481m' }, 'is too long'],
  ])('%s', async (_name, changes, reason) => {
    const { status, code, message } = await refused('rita', changes)
    expect([status, code]).toEqual([422, 'NOT_ELIGIBLE'])
    expect(message).toContain(reason)
    expect(message).toContain(MAY_ASK)
  })

  test('the longest duration itself may be asked for', async () => {
    const id = await product.ask('rita', { duration: '8h' })
    expect((await product.call('rita', `/requests/${id}/cancel`)).body.status).toBe('cancelled')
  })
})

test('a bucket that nobody knows reads like a bucket of others', async () => {
  const of = async (bucket: string) => {
    const { message, ...rest } = await refused('rita', { scope: `s3://${bucket}/`, levels: ['read'] })
    return { ...rest, message: message.replaceAll(bucket, '…') }
  }
  expect(await of('no-such-bucket')).toEqual(await of('payroll'))
})

describe('somebody who cannot get access is told so, and nobody else is bothered', () => {
  test.each<readonly [string, PersonName, string]>([
    ['who has no manager (Graph: 404)', 'noor', 'Nobody can approve this'],
    ['whose manager is disabled', 'dirk', 'Nobody can approve this'],
    ['who is their own manager', 'selma', 'Nobody can approve this'],
    ['whose manager is an address, not a person', 'kai', 'Nobody can approve this'],
    ['who is a guest, though in the group', 'gus', 'You are a guest in this directory'],
    ['who is in no group of the rules', 'max', 'No entitlement names you'],
  ])('a person %s', async (_name, person, reason) => {
    const { status, code, message } = await refused(person)
    expect([status, code]).toEqual([422, 'NOT_ELIGIBLE'])
    expect(message).toContain(reason)
    const [event] = (await product.events('ask.refused', PEOPLE[person])).slice(-1)
    expect(event).toMatchObject({ code: 'NOT_ELIGIBLE', sentence: message, scopes: [ASK.scope], levels: ['write'] })
  })

  test('a person whose account was disabled since they signed in', async () => {
    product.entra.tenant.disable(PEOPLE.rita)
    try {
      expect(await refused('rita')).toMatchObject({
        code: 'NOT_ELIGIBLE',
        message: expect.stringContaining('disabled'),
      })
    } finally {
      product.entra.tenant.enable(PEOPLE.rita)
    }
  })

  test('a trainee in a group inside the group may ask, and their own manager is asked', async () => {
    const { body } = await product.call('nils', '/requests', ASK)
    expect(body).toMatchObject({ status: 'pending', asked: ['Finn Falk'] })
  })
})

describe('what one person can make us keep is bounded', () => {
  test('the sixth pending request is refused, and the next one is taken when one is cancelled', async () => {
    const ids: string[] = []
    for (let n = 0; n < 5; n += 1) ids.push(await product.ask('finn'))
    expect(await refused('finn')).toMatchObject({ status: 429, code: 'TOO_MANY' })
    expect((await product.call('finn', `/requests/${ids[0]}/cancel`)).status).toBe(200)
    ids.push(await product.ask('finn'))
    expect(await refused('finn')).toMatchObject({ code: 'TOO_MANY', message: expect.stringContaining('5 requests') })
  })

  test('six asks at the same moment leave five pending requests', async () => {
    const answers = await Promise.all(Array.from({ length: 6 }, () => product.call('rita', '/requests', ASK)))
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 201, 201, 201, 429])
    for (const { body } of answers) if (body.id) await product.call('rita', `/requests/${body.id}/cancel`)
  })

  test('the 21st ask within an hour is refused, though all the others are decided', async () => {
    product.entra.tenant.join(GROUPS.finance, PEOPLE.oona)
    for (let n = 0; n < 20; n += 1) {
      const id = await product.ask('oona')
      expect((await product.call('oona', `/requests/${id}/cancel`)).status).toBe(200)
    }
    expect(await refused('oona')).toMatchObject({ code: 'TOO_MANY', message: expect.stringContaining('20 times') })
    // As if an hour had passed: the limit's only clock is the score of each request.
    const asks = `{latchkey}:index:asks:${PEOPLE.oona}`
    const [oldest = ''] = await product.cli.zrange(asks, '0', '0')
    await product.cli.zadd(asks, Date.now() - 3_600_001, oldest)
    await product.ask('oona')
    expect(await refused('oona')).toMatchObject({ code: 'TOO_MANY' })
  })
})

describe('nobody is asked for what AWS could not be made to keep within bounds', () => {
  test('an elevation role without its permissions boundary is refused with AWS_REFUSED', async () => {
    const role = product.aws.state.roles.get('prod')
    if (role === undefined) throw new Error('The sandbox has no elevation role.')
    const { boundaryArn } = role
    const before = (await product.events('request.asked')).length
    role.boundaryArn = undefined
    try {
      expect(await refused('rita')).toMatchObject({
        status: 502,
        code: 'AWS_REFUSED',
        message: expect.stringContaining('The elevation role of account prod is not in order.'),
      })
    } finally {
      role.boundaryArn = boundaryArn
    }
    await eventually(() => expect(product.output()).toContain('The role has no permissions boundary.'))
    expect(await product.events('request.asked')).toHaveLength(before)
    expect((await product.events('ask.refused')).at(-1)).toMatchObject({ code: 'AWS_REFUSED' })
  })
})

describe('what cannot be asked now is answered 503 and nothing is written', () => {
  test('the directory is down', async () => {
    const before = await written()
    product.entra.faults.fail('graph', { kind: 'down' })
    try {
      const answer = await product.call('rita', '/requests', ASK)
      expect(refusal(answer)).toMatchObject({ status: 503, code: 'UNAVAILABLE' })
      expect(answer.body.error?.message).toContain('the directory')
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
    } finally {
      product.entra.faults.heal()
    }
    expect(await written()).toEqual(before)
    expect((await product.call('rita', '/requests', ASK)).status).toBe(201)
  })

  test('AWS is down', async () => {
    const before = await written()
    const cutOff = await product.startWeb({ AWS_ENDPOINT_URL: `http://127.0.0.1:${await freePort()}` })
    const answer = await product.call('rita', '/requests', ASK, cutOff)
    expect(refusal(answer)).toMatchObject({ status: 503, message: expect.stringContaining('cannot reach AWS') })
    expect(await written()).toEqual(before)
  })

  test('above 70 % of its memory Redis takes no new asks, and reviews go on', async () => {
    const id = await product.ask('rita')
    const used = Number(/used_memory:(\d+)/.exec(await product.cli.info('memory'))?.[1])
    await product.cli.config('SET', 'maxmemory', String(Math.round(used / 0.75)))
    try {
      await eventually(async () => {
        const answer = await product.call('rita', '/requests', ASK)
        expect(refusal(answer)).toMatchObject({ status: 503, message: expect.stringContaining('the record') })
        expect(answer.headers.get('retry-after')).toBe('60')
      })
      expect((await product.review('max', id, APPROVE)).body.status).toBe('approved')
    } finally {
      await product.cli.config('SET', 'maxmemory', '0')
    }
    const pending = (await product.call('rita', '/requests')).body.requests?.filter(
      ({ status }) => status === 'pending',
    )
    for (const one of pending ?? []) await product.call('rita', `/requests/${one.id}/cancel`)
    await eventually(async () => expect((await product.call('rita', '/requests', ASK)).status).toBe(201))
  })
})
