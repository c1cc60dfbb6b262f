import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PEOPLE } from '../../../sandbox/entra/fixture.ts'
import { bearerVerifier, DELEGATED_SCOPE } from '../../../src/entra/verify-bearer.ts'
import { apiRoutes } from '../../../src/http/api-routes.ts'
import { strangeKey, tryForgedTokens } from '../../../src/http/authentication-self-test.ts'
import type { VerifyBearer } from '../../../src/http/bearer.ts'
import { httpMetrics } from '../../../src/http/metrics.ts'
import { httpServer } from '../../../src/http/server.ts'
import { redisWriteSummaries } from '../../../src/redis/write-summaries.ts'
import { openUseCases } from '../../fixtures/use-cases.ts'

const useCases = await openUseCases('door')
const writeSummaries = redisWriteSummaries(await useCases.fixture.open('request'), { prefix: useCases.fixture.prefix })
const { authority, tenantId, clientId, cliClientId, issuer, mint } = useCases.entra

function door(verify: VerifyBearer) {
  const metrics = httpMetrics()
  const app = httpServer({ log: useCases.fixture.log, publicUrl: 'http://127.0.0.1:3978' })
  apiRoutes(app, { ...useCases.deps, writeSummaries }, verify, metrics)
  return { app, metrics }
}

const { app, metrics } = door(bearerVerifier({ authority, tenantId, audience: clientId, clientIds: [cliClientId] }))
const facts = { issuer, audience: clientId, tenantId, clientId: cliClientId, scope: DELEGATED_SCOPE }

beforeAll(async () => app.ready())
afterAll(async () => {
  await app.close()
  await useCases.close()
})

const ROUTES = [
  ['GET', '/requests'],
  ['POST', '/requests'],
  ['GET', '/requests/r-000000000000'],
  ['POST', '/requests/r-000000000000/cancel'],
  ['POST', '/requests/r-000000000000/reviews'],
  ['GET', '/grants'],
  ['GET', '/grants/g-000000000000'],
  ['POST', '/grants/g-000000000000/end'],
  ['POST', '/grants/g-000000000000/credentials'],
] as const

describe('without a token', () => {
  test.each(ROUTES)('%s %s is 401', async (method, path) => {
    expect(await app.inject({ method, url: `/api/v1${path}` })).toMatchObject({ statusCode: 401 })
  })

  test('a body is not looked at, and nothing is stored: the refusal is counted', async () => {
    const refused = async () =>
      Number(/refused_before_authentication_total (\d+)/.exec(await metrics.registry.metrics())?.[1])
    const before = await refused()
    const headers = { 'content-type': 'application/json' }
    const answer = await app.inject({ method: 'POST', url: '/api/v1/requests', headers, payload: '{"scope":' })
    expect(answer).toMatchObject({ statusCode: 401, headers: { connection: 'close' } })
    expect(await refused()).toBe(before + 1)
    expect(await useCases.events('ask.refused')).toEqual([])
  })
})

describe('with a token', () => {
  const post = async (payload: string, type = 'application/json') => {
    const headers = { authorization: `Bearer ${await mint(PEOPLE.rita)}`, 'content-type': type }
    return await app.inject({ method: 'POST', url: '/api/v1/requests', headers, payload })
  }

  test('a body that is not JSON, too long, or no JSON by its type is refused', async () => {
    expect((await post('{"scope":')).statusCode).toBe(400)
    expect((await post(JSON.stringify({ reason: 'x'.repeat(20_000) }))).statusCode).toBe(413)
    expect((await post('{}', 'text/plain')).statusCode).toBe(400)
  })

  test('a field that the route does not know is refused by its name', async () => {
    const ask = { scope: 's3://finance-reports/2026/', levels: ['write'], duration: '45m', reason: 'month-end fix' }
    const answer = await post(JSON.stringify({ ...ask, approver: 'me' }))
    expect(answer.statusCode).toBe(400)
    expect(answer.json().error).toEqual({
      code: 'BAD_INPUT',
      message: 'This cannot be read: `approver` is not known here. Correct it and send it again.',
    })
  })
})

describe('the self-test before listening', () => {
  const strange = strangeKey()

  test('sees each kind of forged token refused', async () => {
    expect(Object.fromEntries(await tryForgedTokens(app, facts, strange))).toEqual({
      unsigned: 401,
      HS256: 401,
      'self-signed': 401,
      no: 401,
    })
  })

  test('sees a door that is open', async () => {
    const open = door(async () => useCases.as('rita'))
    const statuses = [...(await tryForgedTokens(open.app, facts, strange)).values()]
    await open.app.close()
    expect(statuses).toEqual([200, 200, 200, 200])
  })
})
