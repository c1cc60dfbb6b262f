import type { FastifyInstance } from 'fastify'
import { cancelRequest } from '../access-requests/cancel-request.ts'
import { extendGrant } from '../access-requests/extend-grant.ts'
import { findRequest, findRequests } from '../access-requests/find-requests.ts'
import { type AskDeps, requestAccess } from '../access-requests/request-access.ts'
import { type ReviewDeps, reviewAccessRequest } from '../access-requests/review/review-access-request.ts'
import { endGrant } from '../grants/end-grant.ts'
import { findGrant, findGrants } from '../grants/find-grants.ts'
import type { Grant } from '../grants/grant.ts'
import type { WriteSummaries, WriteSummary } from '../oversight/write-summary.ts'
import type { Caller } from '../rules/caller.ts'
import { parseScope } from '../rules/scope.ts'
import { grantView } from '../views/grant-view.ts'
import { type RequestView, requestView } from '../views/request-view.ts'
import {
  askBody,
  extendBody,
  type GrantAnswer,
  grantsQuery,
  idParams,
  requestsQuery,
  reviewBody,
  toAsk,
  toExtension,
} from './api-schemas.ts'
import { callerOf, demandBearer, type VerifyBearer } from './bearer.ts'
import { type DeliveryDeps, deliveryRoutes } from './credentials-routes.ts'
import type { HttpMetrics } from './metrics.ts'
import { parseInput } from './parse-input.ts'

export type ApiDeps = AskDeps & ReviewDeps & DeliveryDeps & { readonly writeSummaries: WriteSummaries }

/** What was written is read back through the same eyes as a GET. */
async function show(deps: ApiDeps, caller: Caller, id: string): Promise<RequestView> {
  return requestView(await findRequest(deps, caller, id))
}

function requestRoutes(app: FastifyInstance, deps: ApiDeps): void {
  app.post('/requests', async (request, reply) => {
    const caller = callerOf(request)
    const { id } = await requestAccess(deps, caller, toAsk(parseInput(askBody, request.body)))
    reply.code(201).header('location', `/api/v1/requests/${id}`)
    return await show(deps, caller, id)
  })
  app.get('/requests', async (request) => {
    const found = await findRequests(deps, callerOf(request), parseInput(requestsQuery, request.query))
    return { requests: found.map(requestView) }
  })
  app.get('/requests/:id', async (request) => show(deps, callerOf(request), parseInput(idParams, request.params).id))
  app.post('/requests/:id/cancel', async (request) => {
    const caller = callerOf(request)
    const { id } = await cancelRequest(deps, caller, parseInput(idParams, request.params).id)
    return await show(deps, caller, id)
  })
  app.post('/requests/:id/reviews', async (request) => {
    const caller = callerOf(request)
    const { version, ...review } = parseInput(reviewBody, request.body)
    const input = version === undefined ? review : { ...review, version }
    const { id } = await reviewAccessRequest(deps, caller, parseInput(idParams, request.params).id, input)
    return await show(deps, caller, id)
  })
}

/** With what a person's tools must know of the bucket. */
function answerOf({ rules }: ApiDeps, grant: Grant, digest: WriteSummary): GrantAnswer {
  const [first = ''] = grant.terms.scopes
  const region = rules.buckets.get(parseScope(first).bucket)?.region ?? null
  return { ...grantView(grant, digest), region }
}

async function viewGrants(deps: ApiDeps, grants: readonly Grant[]): Promise<GrantAnswer[]> {
  const found = await deps.writeSummaries.readMany(grants.map(({ id }) => id))
  return grants.flatMap((grant, position) => {
    const digest = found[position]
    return digest === undefined ? [] : [answerOf(deps, grant, digest)]
  })
}

async function viewGrant(deps: ApiDeps, grant: Grant): Promise<GrantAnswer> {
  const [digest] = await deps.writeSummaries.readMany([grant.id])
  if (digest === undefined) throw new Error('The store gave no digest.')
  return answerOf(deps, grant, digest)
}

function grantRoutes(app: FastifyInstance, deps: ApiDeps): void {
  app.get('/grants', async (request) => {
    const found = await findGrants(deps, callerOf(request), parseInput(grantsQuery, request.query))
    return { grants: await viewGrants(deps, found) }
  })
  app.get('/grants/:id', async (request) =>
    viewGrant(deps, await findGrant(deps, callerOf(request), parseInput(idParams, request.params).id)),
  )
  app.post('/grants/:id/extend', async (request, reply) => {
    const caller = callerOf(request)
    const input = toExtension(parseInput(extendBody, request.body))
    const { id } = await extendGrant(deps, caller, parseInput(idParams, request.params).id, input)
    reply.code(201).header('location', `/api/v1/requests/${id}`)
    return await show(deps, caller, id)
  })
  app.post('/grants/:id/end', async (request) =>
    viewGrant(deps, await endGrant(deps, callerOf(request), parseInput(idParams, request.params).id)),
  )
}

/** `/api/v1`: converts and forwards; every decision is made in the use cases. */
export function apiRoutes(app: FastifyInstance, deps: ApiDeps, verify: VerifyBearer, metrics: HttpMetrics): void {
  app.register(
    async (api) => {
      demandBearer(api, verify, metrics)
      requestRoutes(api, deps)
      grantRoutes(api, deps)
      deliveryRoutes(api, deps)
    },
    { prefix: '/api/v1' },
  )
}
