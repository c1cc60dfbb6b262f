import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { json } from 'node:stream/consumers'
import { z } from 'zod'
import { badRequest, forbidden, GraphFault, graphErrorBody, noManager, notThere } from './graph-errors.ts'
import { parseFilter, parseSelect, selectFields, typedObject } from './graph-objects.ts'
import type { GraphApp } from './graph-tokens.ts'
import { accessDenied, type Post, sendMail } from './send-mail.ts'
import type { Tenant } from './tenant.ts'

const BASE = '/v1.0'
const JSON_TYPE = 'application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8'
const MOST_GROUPS = 20
const DEFAULT_PAGE = 100
const LARGEST_PAGE = 999
const groupIdsSchema = z.object({ groupIds: z.array(z.string()) })

export interface GraphCall {
  readonly at: string
  readonly method: string
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  readonly status: number
  /** Undefined when the call was not authenticated. */
  readonly appId: string | undefined
}

interface Question {
  readonly tenant: Tenant
  readonly post: Post
  readonly origin: string
  readonly app: GraphApp
  readonly query: URLSearchParams
  readonly request: IncomingMessage
  readonly id: string
}

/** Undefined: the call is accepted and the reply has no body. */
type Answer = (question: Question) => object | Promise<object | undefined>

interface Route {
  readonly method: string
  readonly path: RegExp
  readonly permissions: readonly string[]
  /** Exchange's refusal, whose text differs from the directory's. */
  readonly refusal?: () => GraphFault
  readonly answer: Answer
}

const ROUTES: readonly Route[] = [
  { method: 'GET', path: /^\/users$/, permissions: ['User.Read.All'], answer: users },
  { method: 'GET', path: /^\/users\/([^/]+)$/, permissions: ['User.Read.All'], answer: user },
  { method: 'GET', path: /^\/users\/([^/]+)\/manager$/, permissions: ['User.Read.All'], answer: manager },
  {
    method: 'POST',
    path: /^\/users\/([^/]+)\/checkMemberGroups$/,
    permissions: ['User.Read.All', 'GroupMember.Read.All'],
    answer: checkMemberGroups,
  },
  {
    method: 'GET',
    path: /^\/groups\/([^/]+)\/transitiveMembers(?:\/microsoft\.graph\.user)?$/,
    permissions: ['GroupMember.Read.All'],
    answer: transitiveMembers,
  },
  {
    method: 'POST',
    path: /^\/users\/([^/]+)\/sendMail$/,
    permissions: ['Mail.Send'],
    refusal: accessDenied,
    answer: ({ post, request, id }) => sendMail(post, id, request).then(() => undefined),
  },
]

/** The part of Microsoft Graph that Latchkey calls. */
export function createGraph(setup: {
  readonly tenant: Tenant
  readonly post: Post
  readonly origin: () => string
  readonly authenticate: (authorization: string | undefined) => Promise<GraphApp>
}): {
  readonly calls: readonly GraphCall[]
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>
} {
  const calls: GraphCall[] = []

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', setup.origin())
    const requestId = randomUUID()
    let app: GraphApp | undefined
    let status = 200
    let body: object | undefined
    try {
      app = await setup.authenticate(request.headers.authorization)
      body = await answer(app, url, request)
      if (body === undefined) status = 202
    } catch (error) {
      if (!(error instanceof GraphFault)) throw error
      status = error.status
      body = graphErrorBody(error.code, error.message, requestId)
    }
    calls.push({
      at: new Date().toISOString(),
      method: request.method ?? '',
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      status,
      appId: app?.appId,
    })
    response.writeHead(status, {
      ...(body === undefined ? {} : { 'content-type': JSON_TYPE }),
      'request-id': requestId,
      'client-request-id': request.headers['client-request-id'] ?? requestId,
      ...(status === 401 ? { 'www-authenticate': 'Bearer realm="", authorization_uri="", client_id=""' } : {}),
    })
    response.end(body === undefined ? undefined : JSON.stringify(body))
  }

  async function answer(app: GraphApp, url: URL, request: IncomingMessage): Promise<object | undefined> {
    const path = url.pathname.slice(BASE.length)
    const route = ROUTES.find((one) => one.method === request.method && one.path.test(path))
    if (route === undefined) throw new GraphFault(400, 'BadRequest', `Resource not found for the segment '${path}'.`)
    if (!route.permissions.every((permission) => app.permissions.includes(permission)))
      throw (route.refusal ?? forbidden)()
    const id = canonical(decodeURIComponent(route.path.exec(path)?.[1] ?? ''))
    const { tenant, post } = setup
    return route.answer({ tenant, post, origin: setup.origin(), app, query: url.searchParams, request, id })
  }

  return { calls, handle }
}

/** Graph compares ids and sign-in names without case. */
function canonical(id: string): string {
  return id.toLowerCase()
}

function personOf(tenant: Tenant, id: string) {
  const person =
    tenant.person(id) ?? tenant.people().find(({ userPrincipalName }) => canonical(userPrincipalName) === id)
  if (person === undefined) throw notThere(id)
  return person
}

function user({ tenant, query, id }: Question): object {
  return { '@odata.context': context('users/$entity'), ...selectFields(personOf(tenant, id), parseSelect(query)) }
}

/** Without eventual consistency Graph ignores a requested count. */
function users({ tenant, origin, query, request }: Question): object {
  const advanced = isAdvanced(request, query)
  const found = tenant.people().filter(parseFilter(query, advanced))
  const fields = parseSelect(query)
  const { from, to, next } = pageOf(new URL(request.url ?? '/', origin), found.length)
  return {
    '@odata.context': context('users'),
    ...(advanced ? { '@odata.count': found.length } : {}),
    ...next,
    value: found.slice(from, to).map((person) => selectFields(person, fields)),
  }
}

function manager({ tenant, query, id }: Question): object {
  const found = tenant.managerOf(personOf(tenant, id).id)
  if (found === undefined) throw noManager()
  return { '@odata.context': context('directoryObjects/$entity'), ...typedObject(found, parseSelect(query), true) }
}

async function checkMemberGroups({ tenant, request, id }: Question): Promise<object> {
  const person = personOf(tenant, id)
  const body = groupIdsSchema.safeParse(await json(request).catch(() => undefined))
  if (!body.success) throw badRequest("Invalid value specified for property 'groupIds' of resource 'User'.")
  const { groupIds } = body.data
  if (groupIds.length > MOST_GROUPS) throw badRequest(`The number of group ids exceeds the limit of ${MOST_GROUPS}.`)
  const malformed = groupIds.find((groupId) => !z.guid().safeParse(groupId).success)
  if (malformed !== undefined) throw badRequest(`Invalid object identifier '${malformed}'.`)
  const value = groupIds
    .map(canonical)
    .filter((groupId) => tenant.transitiveMembers(groupId).some(({ object }) => object.id === person.id))
  return { '@odata.context': context('Collection(Edm.String)'), value }
}

function transitiveMembers({ tenant, origin, app, query, request, id }: Question): object {
  if (tenant.group(id) === undefined) throw notThere(id)
  const url = new URL(request.url ?? '/', origin)
  const cast = url.pathname.endsWith('/microsoft.graph.user')
  if (cast) refuseWithoutEventualConsistency(request, query)
  const fields = parseSelect(query)
  const mayReadPeople = app.permissions.includes('User.Read.All')
  const members = tenant.transitiveMembers(id).filter(({ type }) => !cast || type === 'user')
  const { from, to, next } = pageOf(url, members.length)
  return {
    '@odata.context': context('directoryObjects'),
    ...(query.get('$count') === 'true' ? { '@odata.count': members.length } : {}),
    ...next,
    value: members.slice(from, to).map((member) => typedObject(member, fields, mayReadPeople)),
  }
}

/** "Advanced query capabilities on directory objects". */
function isAdvanced(request: IncomingMessage, query: URLSearchParams): boolean {
  return request.headers.consistencylevel === 'eventual' && query.get('$count') === 'true'
}

/** A type cast of transitive members needs eventual consistency and a count. */
function refuseWithoutEventualConsistency(request: IncomingMessage, query: URLSearchParams): void {
  if (isAdvanced(request, query)) return
  throw new GraphFault(
    400,
    'Request_UnsupportedQuery',
    'The specified cast is not supported without $count and ConsistencyLevel:eventual.',
  )
}

function pageOf(url: URL, length: number) {
  const from = Number(url.searchParams.get('$skiptoken') ?? 0)
  const to = from + pageSize(url.searchParams)
  url.searchParams.set('$skiptoken', String(to))
  return { from, to, next: to < length ? { '@odata.nextLink': url.href } : {} }
}

function pageSize(query: URLSearchParams): number {
  const size = Number(query.get('$top') ?? DEFAULT_PAGE)
  if (Number.isInteger(size) && size >= 1 && size <= LARGEST_PAGE) return size
  throw badRequest(`Invalid page size specified: '${query.get('$top')}'. Must be between 1 and 999 inclusive.`)
}

function context(what: string): string {
  return `https://graph.microsoft.com/v1.0/$metadata#${what}`
}
