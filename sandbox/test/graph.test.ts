import * as openid from 'openid-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { GROUPS, PEOPLE } from '../entra/fixture.ts'
import { type EntraOptions, type SandboxEntra, startEntra } from '../entra/index.ts'

/** The sandbox's Graph answers as Graph does, refusals included. */

let entra: SandboxEntra
let token: string
beforeAll(async () => {
  entra = await startEntra()
  token = await graphToken(entra)
})
afterAll(() => entra.stop())

const pageSchema = z.object({
  value: z.array(z.object({ id: z.string() })),
  '@odata.nextLink': z.string().optional(),
})

async function graphToken(from: SandboxEntra): Promise<string> {
  const config = await openid.discovery(new URL(from.issuer), from.clientId, from.clientSecret)
  const tokens = await openid.clientCredentialsGrant(config, { scope: 'https://graph.microsoft.com/.default' })
  return tokens.access_token
}

async function call(path: string, init: RequestInit = {}, from = entra, bearer = token) {
  const response = await fetch(`${from.graphBaseUrl}/v1.0${path}`, {
    ...init,
    headers: { authorization: `Bearer ${bearer}`, ...init.headers },
  })
  return { status: response.status, headers: response.headers, body: await response.json() }
}

function checkGroups(groupIds: unknown) {
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ groupIds }) }
  return call(`/users/${PEOPLE.nils}/checkMemberGroups`, init)
}

const error = (code: string, message: unknown = expect.any(String)) => ({
  error: {
    code,
    message,
    innerError: {
      date: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/),
      'request-id': expect.any(String),
      'client-request-id': expect.any(String),
    },
  },
})

describe('people and managers', () => {
  test('only selected fields are there', async () => {
    const some = await call(`/users/${PEOPLE.rita}?$select=id,accountEnabled`)
    expect(some.body).toEqual({
      '@odata.context': 'https://graph.microsoft.com/v1.0/$metadata#users/$entity',
      id: PEOPLE.rita,
      accountEnabled: true,
    })
    const unselected = await call(`/users/${PEOPLE.rita}`)
    expect(unselected.body).toMatchObject({ displayName: 'Rita Reyes' })
    expect(unselected.body).not.toHaveProperty('accountEnabled')
    expect(unselected.headers.get('request-id')).toMatch(/./)
    expect(await call(`/users/${PEOPLE.rita}?$select=shoeSize`)).toMatchObject({ status: 400 })
  })

  test('no manager and no such person are the same 404 with other words', async () => {
    expect(await call(`/users/${PEOPLE.noor}/manager`)).toMatchObject({
      status: 404,
      body: error(
        'Request_ResourceNotFound',
        "Resource 'manager' does not exist or one of its queried reference-property objects are not present.",
      ),
    })
    expect(await call('/users/nobody@harbour.example/manager')).toMatchObject({
      status: 404,
      body: error('Request_ResourceNotFound', expect.stringContaining("Resource 'nobody@harbour.example'")),
    })
  })

  test('a manager says what kind of object it is', async () => {
    const manager = async (id: string) => (await call(`/users/${id}/manager?$select=id`)).body
    expect(await manager(PEOPLE.rita)).toMatchObject({ '@odata.type': '#microsoft.graph.user', id: PEOPLE.max })
    expect(await manager(PEOPLE.kai)).toMatchObject({ '@odata.type': '#microsoft.graph.orgContact' })
  })
})

describe('people by a value', () => {
  const found = (filter: string, more = '') => call(`/users?$filter=${encodeURIComponent(filter)}${more}`)

  test('are found case aside, the rest on the next page, and not counted without eventual consistency', async () => {
    const one = await found("mail eq 'RITA@harbour.example'", '&$select=id&$count=true')
    expect(one.body).toEqual({
      '@odata.context': 'https://graph.microsoft.com/v1.0/$metadata#users',
      value: [{ id: PEOPLE.rita }],
    })
    const all = pageSchema.parse((await call('/users?$select=id&$top=2')).body)
    expect(all.value).toHaveLength(2)
    expect(all['@odata.nextLink']).toMatch(/skiptoken/)
  })

  test('what only the late index knows is refused without eventual consistency and a count', async () => {
    const filter = "onPremisesSamAccountName eq 'rita'"
    const refused = error('Request_UnsupportedQuery', expect.stringContaining("'onPremisesSamAccountName'"))
    expect(await found(filter)).toMatchObject({ status: 400, body: refused })
    const init = { headers: { ConsistencyLevel: 'eventual' } }
    expect(await call(`/users?$filter=${encodeURIComponent(filter)}`, init)).toMatchObject({ status: 400 })
    const late = await call(`/users?$filter=${encodeURIComponent(filter)}&$count=true`, init)
    expect(late).toMatchObject({ status: 200, body: { '@odata.count': 0, value: [] } })
  })

  test.each(["shoeSize eq '42'", "mail eq 'O'Hara'", 'mail eq rita', "mail ne 'rita'", ''])(
    'what is no comparison of a known property is refused: %s',
    async (filter) => {
      expect(await found(filter)).toMatchObject({ status: 400 })
    },
  )
})

describe('groups', () => {
  test('twenty groups may be checked at once, twenty-one may not', async () => {
    const twenty = [GROUPS.finance, ...Array.from({ length: 19 }, () => GROUPS.onCall)]
    expect(await checkGroups(twenty)).toMatchObject({ status: 200, body: { value: [GROUPS.finance] } })
    expect(await checkGroups([...twenty, GROUPS.dataOwners])).toMatchObject({ status: 400 })
    expect(await checkGroups(['finance'])).toMatchObject({ status: 400, body: error('Request_BadRequest') })
    expect(await checkGroups('finance')).toMatchObject({ status: 400 })
  })

  test('members come in pages', async () => {
    const seen: string[] = []
    let path: string | undefined = `/groups/${GROUPS.finance}/transitiveMembers?$top=3&$select=id`
    while (path !== undefined) {
      const page = pageSchema.parse((await call(path)).body)
      expect(page.value.length).toBeLessThanOrEqual(3)
      seen.push(...page.value.map(({ id }) => id))
      path = page['@odata.nextLink']?.slice(`${entra.graphBaseUrl}/v1.0`.length)
    }
    expect(seen).toContain(PEOPLE.nils)
    expect(seen).toContain(GROUPS.financeTrainees)
    expect(new Set(seen).size).toBe(seen.length)
  })

  test('a cast to users wants a count and eventual consistency', async () => {
    const path = `/groups/${GROUPS.finance}/transitiveMembers/microsoft.graph.user`
    expect(await call(path)).toMatchObject({ status: 400, body: error('Request_UnsupportedQuery') })
    const cast = await call(`${path}?$count=true`, { headers: { consistencylevel: 'eventual' } })
    expect(cast).toMatchObject({ status: 200, body: { '@odata.count': 8 } })
  })
})

describe('the door', () => {
  test('no token, a broken one, a person’s one, and one that expired are refused', async () => {
    const bare = await fetch(`${entra.graphBaseUrl}/v1.0/users/${PEOPLE.rita}`)
    expect([bare.status, await bare.json()]).toEqual([
      401,
      error('InvalidAuthenticationToken', 'Access token is empty.'),
    ])
    for (const bad of ['abc', await entra.mint(PEOPLE.rita), await entra.mintWrong('for Graph', PEOPLE.rita)]) {
      expect(await call(`/users/${PEOPLE.rita}`, {}, entra, bad)).toMatchObject({
        status: 401,
        body: error('InvalidAuthenticationToken'),
      })
    }
  })

  test('a token from another sandbox is refused', async () => {
    await withEntra({}, async (other) => {
      const foreign = await graphToken(other)
      expect(await call(`/users/${PEOPLE.rita}`, {}, entra, foreign)).toMatchObject({ status: 401 })
    })
  })

  test('an app without the permission is refused', async () => {
    await withEntra({ graphPermissions: ['Mail.Send'] }, async (other) => {
      expect(await call(`/users/${PEOPLE.rita}`, {}, other, await graphToken(other))).toMatchObject({
        status: 403,
        body: error('Authorization_RequestDenied', 'Insufficient privileges to complete the operation.'),
      })
    })
  })
})

async function withEntra(options: EntraOptions, use: (entra: SandboxEntra) => Promise<void>): Promise<void> {
  const other = await startEntra(options)
  try {
    await use(other)
  } finally {
    await other.stop()
  }
}
