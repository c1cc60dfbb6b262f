import { expect } from 'vitest'
import { PEOPLE, type PersonName } from '../../sandbox/entra/fixture.ts'
import { ASK, type Product } from '../fixtures/product.ts'
import { CLOUDTRAIL_KEY } from '../fixtures/world.ts'
import { someEvent } from '../unit/oversight/a-record.ts'
import type { Line } from './golden-file.ts'
import { type Answer, type Call, type Shape, send, shapeOf } from './http-call.ts'
import { METRICS_TOKEN } from './story.ts'

/** Every route and every kind of refusal, in a fixed order. Noor requests; Dana, a data owner, decides. */

export type RouteLine = Line & Shape

interface Round {
  readonly product: Product
  readonly lines: RouteLine[]
  /** Makes the call, stores the answer and returns it. */
  see(name: string, call: Call): Promise<Answer>
  /** The same at `/api/v1` as that person. A body makes it a POST. */
  as(person: PersonName, name: string, path: string, body?: object | string): Promise<Answer>
}

const FINE = { decision: 'approve', comment: 'fine' }
const NO_REQUEST = 'r-000000000000'

export async function seeRoutes(product: Product): Promise<readonly RouteLine[]> {
  const lines: RouteLine[] = []
  async function see(name: string, call: Call): Promise<Answer> {
    const answer = await send(product.web.url, call)
    lines.push({ name, ...shapeOf(answer) })
    return answer
  }
  async function as(person: PersonName, name: string, path: string, body?: object | string): Promise<Answer> {
    const authorization = `Bearer ${await product.entra.mint(PEOPLE[person])}`
    if (body === undefined) return see(name, { path: `/api/v1${path}`, headers: { authorization } })
    const headers = { authorization, 'content-type': 'application/json' }
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    return see(name, { method: 'POST', path: `/api/v1${path}`, headers, body: text })
  }
  const round = { product, lines, see, as }
  await strangers(round)
  await asks(round)
  await reviews(round)
  await grants(round)
  await pages(round)
  await messages(round)
  await cloudTrail(round)
  await operations(round)
  return lines
}

function idOf({ text }: Answer): string {
  const { id = '' }: { readonly id?: string } = JSON.parse(text)
  return id
}

async function strangers({ product, see }: Round): Promise<void> {
  const { entra } = product
  const path = '/api/v1/requests'
  await see('api: without a token', { path })
  await see('api: with another scheme', { path, headers: { authorization: 'Basic cml0YQ==' } })
  for (const wrong of ['expired', 'for Graph', 'signed with another key under our key id'] as const) {
    const authorization = `Bearer ${await entra.mintWrong(wrong, PEOPLE.noor)}`
    await see(`api: a token ${wrong}`, { path, headers: { authorization } })
  }
  await see('api: an app without a person', { path, headers: { authorization: `Bearer ${await entra.mintAppOnly()}` } })
  await see('api: a POST without a token', { method: 'POST', path, body: '{}' })
  await see('api: an unknown route without a token', { path: '/api/v1/nothing' })
}

async function asks({ product, see, as }: Round): Promise<void> {
  const wrong: Readonly<Record<string, object | string>> = {
    'not JSON': '{"scope":',
    'an empty body': '',
    'a list': '[]',
    'a prototype': '{"__proto__":{"levels":["write"]}}',
    'too much': JSON.stringify({ ...ASK, reason: 'x'.repeat(20_000) }),
    'an unknown field': { ...ASK, approver: 'me' },
    'an unknown level': { ...ASK, levels: ['admin'] },
    'no level': { ...ASK, levels: [] },
    'two durations': { ...ASK, durationMinutes: 45 },
    'a wrong duration': { ...ASK, duration: 'soon' },
    'too long a duration': { ...ASK, duration: '9h' },
    'a wildcard': { ...ASK, scope: 's3://finance-reports/*' },
    'no scope': { ...ASK, scope: undefined },
    'no reason': { ...ASK, reason: ' ' },
    'an unknown bucket': { ...ASK, scope: 's3://payroll/' },
    'a level that no entitlement has': { ...ASK, levels: ['purge'] },
  }
  for (const [name, body] of Object.entries(wrong)) await as('noor', `ask: ${name}`, '/requests', body)
  const authorization = `Bearer ${await product.entra.mint(PEOPLE.noor)}`
  const headers = { authorization, 'content-type': 'application/x-www-form-urlencoded' }
  await see('ask: a form', { method: 'POST', path: '/api/v1/requests', headers, body: 'scope=s3://finance-reports/' })
  await as('omar', 'ask: not eligible', '/requests', ASK)
  const first = idOf(await as('noor', 'ask', '/requests', { ...ASK, ticket: 'FIN-1' }))
  await as('noor', 'requests', '/requests')
  await as('dana', 'requests: as approver', '/requests?role=approver&limit=1')
  await as('noor', 'requests: a wrong role', '/requests?role=owner')
  await as('noor', 'requests: a wrong limit', '/requests?limit=0')
  await as('noor', 'requests: an unknown parameter', '/requests?all=1')
  await as('noor', 'request', `/requests/${first}`)
  await as('dana', 'request: as approver', `/requests/${first}`)
  await as('nils', 'request: of somebody else', `/requests/${first}`)
  await as('noor', 'request: unknown', `/requests/${NO_REQUEST}`)
  await as('noor', 'request: no id', '/requests/nonsense')
  await as('noor', 'a grant by the id of a request', `/grants/${first}`)
  await as('dana', 'cancel: of somebody else', `/requests/${first}/cancel`, {})
  await as('noor', 'cancel', `/requests/${first}/cancel`, {})
  await as('noor', 'cancel: again', `/requests/${first}/cancel`, {})
  await as('dana', 'review: cancelled', `/requests/${first}/reviews`, FINE)
}

async function reviews({ as }: Round): Promise<void> {
  const id = idOf(await as('noor', 'ask: several scopes', '/requests', manyScopes()))
  await as('dana', 'review: nothing', `/requests/${id}/reviews`, {})
  await as('dana', 'review: too long a comment', `/requests/${id}/reviews`, { ...FINE, comment: 'x'.repeat(1_001) })
  await as('noor', 'review: of their own', `/requests/${id}/reviews`, FINE)
  await as('nils', 'review: by somebody else', `/requests/${id}/reviews`, FINE)
  await as('dana', 'review: unknown', `/requests/${NO_REQUEST}/reviews`, FINE)
  await as('dana', 'review: of another version', `/requests/${id}/reviews`, { ...FINE, version: '1-another' })
  await as('dana', 'review: deny', `/requests/${id}/reviews`, { decision: 'deny', comment: 'not now' })
  await as('dana', 'review: again', `/requests/${id}/reviews`, FINE)
}

function manyScopes(): object {
  const { scope: _, ...rest } = ASK
  return { ...rest, scopes: ['s3://finance-reports/2026/', 's3://finance-reports/2025/'], levels: ['read', 'write'] }
}

async function grants({ product, as }: Round): Promise<void> {
  const requestId = idOf(await as('noor', 'ask: for an object', '/requests', { ...ASK, scope: `${ASK.scope}a.csv` }))
  await as('dana', 'review: approve', `/requests/${requestId}/reviews`, FINE)
  const grantId = String((await product.stored('request', requestId)).grantId)
  await product.untilStatus(grantId, 'active')
  const path = `/grants/${grantId}`
  await as('noor', 'request: approved', `/requests/${requestId}`)
  await as('noor', 'grants', '/grants')
  await as('noor', 'grants: a wrong limit', '/grants?limit=many')
  await as('noor', 'grant', path)
  await as('dana', 'grant: as approver', path)
  await as('nils', 'grant: of somebody else', path)
  await as('noor', 'grant: unknown', '/grants/g-000000000000')
  await as('noor', 'credentials', `${path}/credentials`, {})
  await as('dana', 'credentials: as approver', `${path}/credentials`, {})
  await as('noor', 'console', `${path}/console`, {})
  await as('noor', 'link', `${path}/link`, { method: 'put' })
  await as('noor', 'link: of a level that it has not', `${path}/link`, { method: 'get' })
  await as('noor', 'link: an unknown method', `${path}/link`, { method: 'delete' })
  await as('noor', 'extend: nothing', `${path}/extend`, {})
  await as('dana', 'extend: as approver', `${path}/extend`, { duration: '1h', reason: 'more' })
  const more = idOf(await as('noor', 'extend', `${path}/extend`, { duration: '1h', reason: 'the export still runs' }))
  await as('noor', 'extend: again', `${path}/extend`, { duration: '1h', reason: 'the export still runs' })
  await as('noor', 'request: for more time', `/requests/${more}`)
  await as('nils', 'end: of somebody else', `${path}/end`, {})
  await as('noor', 'end', `${path}/end`, {})
  await product.untilStatus(grantId, 'revoked')
  await as('noor', 'grant: ended', path)
  await as('noor', 'end: again', `${path}/end`, {})
  await as('noor', 'credentials: ended', `${path}/credentials`, {})
  await as('noor', 'extend: ended', `${path}/extend`, { duration: '1h', reason: 'more' })
}

interface Tab {
  get(name: string, path: string): Promise<Answer>
  post(name: string, path: string, form: Readonly<Record<string, string>>, headers?: Call['headers']): Promise<Answer>
  signIn(name: string, person: PersonName, path: string): Promise<Answer>
}

/** The parts of a browser that these pages need. */
function openTab({ product, see }: Round): Tab {
  const cookies = new Map<string, string>()
  const origin = product.web.url
  async function go(name: string, call: Call): Promise<Answer> {
    const cookie = [...cookies].map(([one, value]) => `${one}=${value}`).join('; ')
    const answer = await see(name, { ...call, headers: { ...(cookie !== '' && { cookie }), ...call.headers } })
    for (const line of answer.setCookies) {
      const [, one = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (value === '') cookies.delete(one)
      else cookies.set(one, value)
    }
    return answer
  }
  const get = (name: string, path: string) => go(name, { path })
  return {
    get,
    post: (name, path, form, headers = {}) =>
      go(name, {
        method: 'POST',
        path,
        headers: { 'content-type': 'application/x-www-form-urlencoded', origin, ...headers },
        body: new URLSearchParams(form).toString(),
      }),
    async signIn(name, person, path) {
      const leave = await get(`${name}: leave`, path)
      const back = await product.entra.signIn(PEOPLE[person], leave.headers.location ?? '')
      const { headers } = await get(`${name}: come back`, `${back.pathname}${back.search}`)
      return get(name, headers.location ?? '')
    },
  }
}

function field({ text }: Answer, name: string): string {
  return new RegExp(`name="${name}" value="([^"]+)"`).exec(text)?.[1]?.replaceAll('&#45;', '-') ?? ''
}

async function pages(round: Round): Promise<void> {
  const id = idOf(await round.as('noor', 'ask: for the pages', '/requests', ASK))
  const path = `/requests/${id}`
  const nobody = openTab(round)
  await nobody.get('page: of nothing', '/requests/nonsense')
  await nobody.get('page: sign-in that nobody began', '/sign-in/callback?code=x&state=y')
  await nobody.post('page: a form of nobody', path, { decision: 'approve' })
  await nobody.post('page: a form from elsewhere', path, { decision: 'approve' }, { origin: 'https://evil.example' })
  await nobody.post('page: sign out, nobody', '/sign-out', {})
  await openTab(round).signIn('page: to the requester', 'noor', path)
  await openTab(round).signIn('page: to somebody else', 'nils', path)
  const tab = openTab(round)
  const page = await tab.signIn('page: to the approver', 'dana', path)
  const [csrf, version] = [field(page, 'csrf'), field(page, 'version')]
  expect([csrf.length, version.length > 10], 'length of the fields csrf and version of the form').toEqual([43, true])
  const form = { csrf, version, decision: 'deny', comment: 'not now' }
  await tab.post('page: another token', path, { ...form, csrf: 'x'.repeat(43) })
  await tab.post('page: incomplete', path, { csrf })
  await tab.post('page: too long a comment', path, { ...form, comment: 'x'.repeat(1_001) })
  await tab.post('page: no form', path, form, { 'content-type': 'text/plain' })
  await tab.post('page: another version', path, { ...form, version: '1-another' })
  await tab.post('page: decide', path, form)
  await tab.get('page: decided', path)
  await tab.post('page: decide again', path, form)
  await tab.get('page: unknown', `/requests/${NO_REQUEST}`)
  await tab.post('page: sign out with another token', '/sign-out', { csrf: 'x'.repeat(43) })
  await tab.post('page: sign out', '/sign-out', { csrf })
}

async function messages({ product: { teams }, see, as }: Round): Promise<void> {
  const path = '/api/messages'
  const authorization = await teams.authorization()
  const type = { 'content-type': 'application/json' }
  const known = { authorization, ...type }
  const activity = teams.activity('noor', 'help')
  const post = (name: string, headers: Call['headers'], body: string) =>
    see(`messages: ${name}`, { method: 'POST', path, headers: headers ?? {}, body })
  await post('without a token', type, JSON.stringify(activity))
  await post('a wrong token', { ...type, authorization: 'Bearer wrong' }, JSON.stringify(activity))
  await post('signed otherwise', { ...type, authorization: await teams.authorization(undefined, 'RS512') }, '{}')
  await post('not JSON', known, '{"type":')
  await post('no activity', known, '{}')
  await post('not by its type', { ...known, 'content-type': 'text/plain' }, JSON.stringify(activity))
  await post('from elsewhere', known, JSON.stringify({ ...activity, serviceUrl: 'https://evil.example/' }))
  await post('of another tenant', known, JSON.stringify({ ...activity, channelData: { tenant: { id: 'other' } } }))
  await see('messages: too much', { method: 'POST', path, headers: known, announcedBytes: 300_000 })
  await see('messages: a GET', { path, headers: known })
  await post('heard', known, JSON.stringify(activity))
  const requestId = idOf(await as('noor', 'ask: for the card', '/requests', ASK))
  const click = (person: PersonName, verb: string, data: object) => {
    const value = { action: { type: 'Action.Execute', verb, data }, trigger: 'manual' }
    const said = teams.activity(person, 'click')
    return JSON.stringify({ ...said, type: 'invoke', name: 'adaptiveCard/action', replyToId: 'card', value })
  }
  await post('a click that is unknown', known, click('noor', 'nothing', {}))
  await post('a click that holds nothing', known, click('dana', 'approve', {}))
  await post('a click of somebody else', known, click('nils', 'approve', { requestId, version: '1-another' }))
  await post('a click on another version', known, click('dana', 'approve', { requestId, version: '1-another' }))
  await post('a look by the requester', known, click('noor', 'view', { requestId }))
  await post('a look by the approver', known, click('dana', 'view', { requestId }))
  await as('noor', 'cancel: before anybody clicked', `/requests/${requestId}/cancel`, {})
  await post('a click that comes too late', known, click('dana', 'approve', { requestId, version: '1-another' }))
}

async function cloudTrail({ see }: Round): Promise<void> {
  const path = '/api/cloudtrail'
  const known = { 'x-latchkey-key': CLOUDTRAIL_KEY, 'content-type': 'application/json' }
  const post = (name: string, headers: Call['headers'], body: string) =>
    see(`cloudtrail: ${name}`, { method: 'POST', path, headers: headers ?? {}, body })
  const event = JSON.stringify(someEvent())
  await post('without a key', { 'content-type': 'application/json' }, event)
  await post('a wrong key', { ...known, 'x-latchkey-key': 'c8'.repeat(32) }, event)
  await post('not JSON', known, '{')
  await post('no record', known, '{}')
  await post('of another account', known, JSON.stringify(someEvent({}, { account: '999988887777' })))
  await post('not by its type', { ...known, 'content-type': 'text/plain' }, event)
  await see('cloudtrail: too much', { method: 'POST', path, headers: known, announcedBytes: 2_000_000 })
  await see('cloudtrail: a GET', { path, headers: known })
  const test = { source: 'latchkey.self-test', account: '111122223333', detail: { nonce: '0'.repeat(32) } }
  await post('of the self-test', known, JSON.stringify(test))
  await post('taken', known, event)
}

async function operations({ see, as }: Round): Promise<void> {
  await see('healthz', { path: '/healthz' })
  await see('readyz', { path: '/readyz' })
  await see('metrics: without a token', { path: '/metrics' })
  await see('metrics: a wrong token', { path: '/metrics', headers: { authorization: 'Bearer wrong' } })
  await see('unknown', { path: '/nothing' })
  await see('unknown: root', { path: '/' })
  await see('unknown: another version', { path: '/api/v2/requests' })
  await see('unknown: a wrong escape', { path: '/requests/%zz' })
  await see('unknown: PUT', { method: 'PUT', path: '/api/v1/requests' })
  await see('unknown: HEAD', { method: 'HEAD', path: '/healthz' })
  await see('unknown: OPTIONS', { method: 'OPTIONS', path: '/api/v1/requests' })
  await as('noor', 'unknown: in the API', '/nothing')
}

/** Only the counted values differ from run to run. */
export async function seeMetrics({ web }: Product): Promise<Shape> {
  const headers = { authorization: `Bearer ${METRICS_TOKEN}` }
  const answer = await send(web.url, { path: '/metrics', headers })
  const { 'content-length': _, ...rest } = shapeOf(answer).headers
  const names = answer.text.split('\n').filter((line) => line.startsWith('# ') && line.includes(' latchkey_'))
  return { status: answer.status, headers: rest, body: names }
}

export async function seeOpenApi({ web }: Product): Promise<Shape> {
  return shapeOf(await send(web.url, { path: '/api/v1/openapi.json' }))
}
