import { request as httpRequest } from 'node:http'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { PEOPLE } from '../../../sandbox/entra/fixture.ts'
import { WRONG_TOKENS } from '../../../sandbox/entra/wrong-tokens.ts'
import { startWorld, type World } from '../../fixtures/world.ts'

const METRICS_TOKEN = 'metrics-token-of-this-test'
const ASK = { scope: 's3://finance-reports/2026/', levels: ['write'], duration: '45m', reason: 'month-end fix' }
const NO_REQUEST = { code: 'NOT_FOUND', message: 'There is no such request, or it is not yours to see. Check the id.' }

const openApi = z.looseObject({
  openapi: z.string(),
  paths: z.record(z.string(), z.unknown()),
  components: z.object({ securitySchemes: z.object({ entra: z.unknown() }) }),
})

let world: World

beforeAll(async () => {
  world = await startWorld({ env: { METRICS_TOKEN } })
})

afterAll(async () => {
  await world.stop()
})

async function send(path: string, init: RequestInit = {}): Promise<Response> {
  return await fetch(`${world.web.url}${path}`, init)
}

async function asRita(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { authorization: `Bearer ${await world.entra.mint(PEOPLE.rita)}`, ...init.headers }
  return await send(path, { ...init, headers })
}

async function post(body: string, type = 'application/json'): Promise<Response> {
  return await asRita('/api/v1/requests', { method: 'POST', headers: { 'content-type': type }, body })
}

async function refused(): Promise<number> {
  const text = await (await send('/metrics', { headers: { authorization: `Bearer ${METRICS_TOKEN}` } })).text()
  return Number(/latchkey_refused_before_authentication_total (\d+)/.exec(text)?.[1])
}

describe('who is not known', () => {
  test('gets 401 without a token, in the one shape of a refusal, and is counted', async () => {
    const before = await refused()
    const answer = await send('/api/v1/requests')
    expect(answer.status).toBe(401)
    expect(await answer.json()).toEqual({
      error: { code: 'NOT_SIGNED_IN', message: 'You are not signed in. Run `latchkey login` and try again.' },
    })
    expect(await refused()).toBe(before + 1)
  })

  test.each(WRONG_TOKENS)('a token %s gives 401', async (wrong) => {
    const authorization = `Bearer ${await world.entra.mintWrong(wrong, PEOPLE.rita)}`
    expect((await send('/api/v1/requests', { headers: { authorization } })).status).toBe(401)
  })

  test('an app without a person gives 401', async () => {
    const authorization = `Bearer ${await world.entra.mintAppOnly()}`
    expect((await send('/api/v1/requests', { headers: { authorization } })).status).toBe(401)
  })

  test('a cookie is nobody', async () => {
    const cookie = `token=${await world.entra.mint(PEOPLE.rita)}`
    expect((await send('/api/v1/requests', { headers: { cookie } })).status).toBe(401)
  })

  test('is answered before the body has arrived, and the connection is closed', async () => {
    const answered = new Promise<{ readonly status: number | undefined; readonly connection: string | undefined }>(
      (resolve, reject) => {
        const headers = { 'content-type': 'application/json', 'content-length': 10_000_000 }
        const call = httpRequest(`${world.web.url}/api/v1/requests`, { method: 'POST', headers }, (response) => {
          resolve({ status: response.statusCode, connection: response.headers.connection })
          call.destroy()
        })
        call.once('error', reject)
        call.write('{')
      },
    )
    expect(await answered).toEqual({ status: 401, connection: 'close' })
  })
})

describe('what cannot be read', () => {
  test.each([
    ['not JSON', '{"scope":', 'application/json', 400, 'BAD_INPUT'],
    ['nothing', '', 'application/json', 400, 'BAD_INPUT'],
    ['a list', '[]', 'application/json', 400, 'BAD_INPUT'],
    ['a prototype', '{"__proto__":{"levels":["write"]}}', 'application/json', 400, 'BAD_INPUT'],
    ['a form', 'scope=s3://finance-reports/', 'application/x-www-form-urlencoded', 400, 'BAD_INPUT'],
    ['text', JSON.stringify(ASK), 'text/plain', 400, 'BAD_INPUT'],
    ['too much', JSON.stringify({ ...ASK, reason: 'x'.repeat(20_000) }), 'application/json', 413, 'TOO_LARGE'],
    ['an unknown field', JSON.stringify({ ...ASK, approver: 'me' }), 'application/json', 400, 'BAD_INPUT'],
    ['an unknown level', JSON.stringify({ ...ASK, levels: ['admin'] }), 'application/json', 400, 'BAD_INPUT'],
    ['two durations', JSON.stringify({ ...ASK, durationMinutes: 45 }), 'application/json', 400, 'BAD_INPUT'],
    ['a wrong duration', JSON.stringify({ ...ASK, duration: 'soon' }), 'application/json', 400, 'BAD_INPUT'],
    ['a wildcard', JSON.stringify({ ...ASK, scope: 's3://finance-reports/*' }), 'application/json', 400, 'BAD_INPUT'],
    ['no reason', JSON.stringify({ ...ASK, reason: ' ' }), 'application/json', 400, 'BAD_INPUT'],
  ])('%s is refused with a code and a sentence', async (_name, body, type, status, code) => {
    const answer = await post(body, type)
    expect(answer.status).toBe(status)
    expect(await answer.json()).toEqual({ error: { code, message: expect.stringMatching(/\.$/) } })
  })

  test('an unknown route is refused in the same shape', async () => {
    const answer = await send('/api/v2/requests')
    expect(answer.status).toBe(404)
    expect(await answer.json()).toEqual({ error: { code: 'NOT_FOUND', message: expect.any(String) } })
  })
})

test.each(['r-000000000000', 'nonsense', '..%2F..%2Fetc', 'g-000000000000'])(
  'the unknown request %s reads like a forbidden one',
  async (id) => {
    const forbidden = await world.call('rita', '/requests', ASK)
    const path = `/requests/${forbidden.body.id}`
    const asNils = await world.call('nils', path)
    expect([asNils.status, asNils.body]).toEqual([404, { error: NO_REQUEST }])
    const unknown = await world.call('nils', `/requests/${id}`)
    expect([unknown.status, unknown.body]).toEqual([asNils.status, asNils.body])
    expect((await world.call('rita', `${path}/cancel`)).body.status).toBe('cancelled')
  },
)

test('every answer forbids to keep, to frame and to guess its type', async () => {
  const { headers } = await asRita('/api/v1/requests')
  expect(headers.get('cache-control')).toBe('no-store')
  expect(headers.get('x-content-type-options')).toBe('nosniff')
  expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
  expect(headers.get('access-control-allow-origin')).toBeNull()
})

test('metrics are there for the token alone', async () => {
  expect((await send('/metrics')).status).toBe(401)
  expect((await send('/metrics', { headers: { authorization: 'Bearer wrong' } })).status).toBe(401)
  expect(await refused()).toBeGreaterThan(0)
})

test('OpenAPI describes every route, and where to sign in', async () => {
  const document = openApi.parse(await (await send('/api/v1/openapi.json')).json())
  expect(document.openapi).toBe('3.1.0')
  expect(Object.keys(document.paths)).toHaveLength(11)
  expect(document.components.securitySchemes.entra).toEqual({
    type: 'openIdConnect',
    openIdConnectUrl: `${world.entra.issuer}/.well-known/openid-configuration`,
    'x-latchkey-client-id': world.entra.cliClientId,
    'x-latchkey-scope': world.entra.apiScope,
  })
})

test('OpenAPI refers only to what it holds, and gives each operation a name of its own', async () => {
  const text = await (await send('/api/v1/openapi.json')).text()
  const { components } = z
    .object({ components: z.object({ schemas: z.record(z.string(), z.unknown()) }) })
    .parse(JSON.parse(text))
  const referred = [...text.matchAll(/"\$ref":"([^"]+)"/g)].map(([, to = '']) => to)
  expect(referred.length).toBeGreaterThan(0)
  for (const to of referred) expect(Object.keys(components.schemas)).toContain(to.replace('#/components/schemas/', ''))
  const names = [...text.matchAll(/"operationId":"([^"]+)"/g)].map(([, name]) => name)
  expect(names).toHaveLength(12)
  expect(new Set(names).size).toBe(12)
})

test('ask, approve, use, end: each by the person whose turn it is, and by nobody else', async () => {
  const workers = await world.startWorkers()
  const asked = await world.call('rita', '/requests', ASK)
  expect([asked.status, asked.body.status]).toEqual([201, 'pending'])
  expect(asked.headers.get('location')).toBe(`/api/v1/requests/${asked.body.id}`)
  const path = `/requests/${asked.body.id}`
  const approve = { decision: 'approve', comment: 'go ahead' }
  expect((await world.call('rita', `${path}/reviews`, approve)).body.error?.code).toBe('NOT_YOURS_TO_DECIDE')
  expect((await world.call('finn', `${path}/reviews`, approve)).body.error).toEqual(NO_REQUEST)

  const decided = await world.call('max', `${path}/reviews`, approve)
  expect([decided.status, decided.body.status, decided.body.decision?.by]).toEqual([200, 'approved', 'Max Mertens'])
  const again = await world.call('dana', `${path}/reviews`, { decision: 'deny', comment: '' })
  expect(again.status).toBe(409)
  expect(again.body.error?.message).toContain('already approved by Max Mertens')

  const grant = `/grants/${decided.body.grantId}`
  await vi.waitFor(async () => expect((await world.call('rita', grant)).body.status).toBe('active'), 30_000)
  const credentialsCache = await world.call('rita', `${grant}/credentials`)
  expect(credentialsCache.status).toBe(200)
  expect(credentialsCache.body).toMatchObject({
    Version: 1,
    AccessKeyId: expect.any(String),
    SessionToken: expect.any(String),
  })
  expect(credentialsCache.headers.get('cache-control')).toBe('no-store')
  expect((await world.call('max', `${grant}/credentials`)).body.error?.code).toBe('NOT_FOUND')

  expect((await world.call('rita', `${grant}/end`)).body.status).toBe('revoking')
  await vi.waitFor(async () => expect((await world.call('rita', grant)).body.status).toBe('revoked'), 30_000)
  expect((await world.call('rita', `${grant}/credentials`)).body.error?.code).toBe('OVER')
  expect(world.output()).not.toContain(credentialsCache.body.SecretAccessKey)
  expect(world.output()).not.toContain(credentialsCache.body.SessionToken)
  expect(workers.child.exitCode).toBeNull()
})
