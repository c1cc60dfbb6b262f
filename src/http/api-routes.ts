import type { FastifyInstance } from 'fastify'
import type { z } from 'zod'
import { cancelRequest } from '../access-requests/cancel-request.ts'
import { extendGrant } from '../access-requests/extend-grant.ts'
import { findRequest, findRequests } from '../access-requests/find-requests.ts'
import { type AskNeeds, requestAccess } from '../access-requests/request-access.ts'
import { type ReviewNeeds, reviewAccessRequest } from '../access-requests/review/review-access-request.ts'
import { endGrant } from '../grants/end-grant.ts'
import { findGrant, findGrants } from '../grants/find-grants.ts'
import type { Grant } from '../grants/grant.ts'
import type { Digest, Digests } from '../oversight/write-summary.ts'
import type { Caller } from '../rules/caller.ts'
import { parseScope } from '../rules/scope.ts'
import { grantView } from '../views/grant-view.ts'
import { type RequestView, requestView } from '../views/request-view.ts'
import {
  askBody,
  extendBody,
  type grantAnswer,
  grantsQuery,
  idParams,
  requestsQuery,
  reviewBody,
  toAsk,
  toExtension,
} from './api-schemas.ts'
import { callerOf, demandBearer, type VerifyBearer } from './bearer.ts'
import { type DeliveryNeeds, deliveryRoutes } from './credentials-routes.ts'
import type { HttpMetrics } from './metrics.ts'
import { parseInput } from './parse-input.ts'

export type ApiNeeds = AskNeeds & ReviewNeeds & DeliveryNeeds & { readonly digests: Digests }

/** What was written is read back through the same eyes as a GET. */
async function show(needs: ApiNeeds, caller: Caller, id: string): Promise<RequestView> {
  return requestView(await findRequest(needs, caller, id))
}

function requestRoutes(app: FastifyInstance, needs: ApiNeeds): void {
  app.post('/requests', async (request, reply) => {
    const caller = callerOf(request)
    const { id } = await requestAccess(needs, caller, toAsk(parseInput(askBody, request.body)))
    reply.code(201).header('location', `/api/v1/requests/${id}`)
    return await show(needs, caller, id)
  })
  app.get('/requests', async (request) => {
    const found = await findRequests(needs, callerOf(request), parseInput(requestsQuery, request.query))
    return { requests: found.map(requestView) }
  })
  app.get('/requests/:id', async (request) => show(needs, callerOf(request), parseInput(idParams, request.params).id))
  app.post('/requests/:id/cancel', async (request) => {
    const caller = callerOf(request)
    const { id } = await cancelRequest(needs, caller, parseInput(idParams, request.params).id)
    return await show(needs, caller, id)
  })
  app.post('/requests/:id/reviews', async (request) => {
    const caller = callerOf(request)
    const { version, ...review } = parseInput(reviewBody, request.body)
    const input = version === undefined ? review : { ...review, version }
    const { id } = await reviewAccessRequest(needs, caller, parseInput(idParams, request.params).id, input)
    return await show(needs, caller, id)
  })
}

type GrantAnswer = z.output<typeof grantAnswer>

/** With what a person's tools must know of the bucket. */
function answerOf({ rules }: ApiNeeds, grant: Grant, digest: Digest): GrantAnswer {
  const [first = ''] = grant.terms.scopes
  const region = rules.buckets.get(parseScope(first).bucket)?.region ?? null
  return { ...grantView(grant, digest), region }
}

async function viewGrants(needs: ApiNeeds, grants: readonly Grant[]): Promise<GrantAnswer[]> {
  const found = await needs.digests.readMany(grants.map(({ id }) => id))
  return grants.flatMap((grant, position) => {
    const digest = found[position]
    return digest === undefined ? [] : [answerOf(needs, grant, digest)]
  })
}

async function viewGrant(needs: ApiNeeds, grant: Grant): Promise<GrantAnswer> {
  const [digest] = await needs.digests.readMany([grant.id])
  if (digest === undefined) throw new Error('The store gave no digest.')
  return answerOf(needs, grant, digest)
}

function grantRoutes(app: FastifyInstance, needs: ApiNeeds): void {
  app.get('/grants', async (request) => {
    const found = await findGrants(needs, callerOf(request), parseInput(grantsQuery, request.query))
    return { grants: await viewGrants(needs, found) }
  })
  app.get('/grants/:id', async (request) =>
    viewGrant(needs, await findGrant(needs, callerOf(request), parseInput(idParams, request.params).id)),
  )
  app.post('/grants/:id/extend', async (request, reply) => {
    const caller = callerOf(request)
    const input = toExtension(parseInput(extendBody, request.body))
    const { id } = await extendGrant(needs, caller, parseInput(idParams, request.params).id, input)
    reply.code(201).header('location', `/api/v1/requests/${id}`)
    return await show(needs, caller, id)
  })
  app.post('/grants/:id/end', async (request) =>
    viewGrant(needs, await endGrant(needs, callerOf(request), parseInput(idParams, request.params).id)),
  )
}

/** `/api/v1`: converts and forwards; every decision is made in the use cases. */
export function apiRoutes(app: FastifyInstance, needs: ApiNeeds, verify: VerifyBearer, metrics: HttpMetrics): void {
  app.register(
    async (api) => {
      demandBearer(api, verify, metrics)
      requestRoutes(api, needs)
      grantRoutes(api, needs)
      deliveryRoutes(api, needs)
    },
    { prefix: '/api/v1' },
  )
}
