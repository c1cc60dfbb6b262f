import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { cancelRequest } from '../access-requests/cancel-request.ts'
import { findRequest, findRequests } from '../access-requests/find-requests.ts'
import { type AskDeps, requestAccess } from '../access-requests/request-access.ts'
import { type ReviewDeps, reviewAccessRequest } from '../access-requests/review/review-access-request.ts'
import type { Caller } from '../rules/caller.ts'
import { type RequestView, requestView, requestViewSchema } from '../views/request-view.ts'
import { askBody, idParams, requestsAnswer, requestsQuery, reviewBody, toAsk } from './api-schemas.ts'
import { callerOf } from './bearer.ts'

export type RequestDeps = AskDeps & ReviewDeps

/** Reads a request back after a write, as a GET by this caller would read it. */
export async function showRequest(deps: Pick<RequestDeps, 'record'>, caller: Caller, id: string): Promise<RequestView> {
  const { request } = await findRequest(deps, caller, id)
  return requestView(request)
}

export function requestRoutes(app: FastifyInstance, deps: RequestDeps): void {
  askAndReadRoutes(app, deps)
  closeRoutes(app, deps)
}

function askAndReadRoutes(app: FastifyInstance, deps: RequestDeps): void {
  const api = app.withTypeProvider<ZodTypeProvider>()
  api.post(
    '/requests',
    { schema: { summary: 'Ask for access', body: askBody, response: { 201: requestViewSchema } } },
    async (request, reply) => {
      const caller = callerOf(request)
      const { id } = await requestAccess(deps, caller, toAsk(request.body))
      reply.code(201).header('location', `/api/v1/requests/${id}`)
      return await showRequest(deps, caller, id)
    },
  )
  api.get(
    '/requests',
    {
      schema: {
        summary: 'Your requests, or those you were asked to review',
        querystring: requestsQuery,
        response: { 200: requestsAnswer },
      },
    },
    async (request) => {
      const found = await findRequests(deps, callerOf(request), request.query)
      return { requests: found.map(({ request }) => requestView(request)) }
    },
  )
  api.get(
    '/requests/:id',
    { schema: { summary: 'One request', params: idParams, response: { 200: requestViewSchema } } },
    async (request) => showRequest(deps, callerOf(request), request.params.id),
  )
}

function closeRoutes(app: FastifyInstance, deps: RequestDeps): void {
  const api = app.withTypeProvider<ZodTypeProvider>()
  api.post(
    '/requests/:id/cancel',
    { schema: { summary: 'Take a request back', params: idParams, response: { 200: requestViewSchema } } },
    async (request) => {
      const caller = callerOf(request)
      const { id } = await cancelRequest(deps, caller, request.params.id)
      return await showRequest(deps, caller, id)
    },
  )
  api.post(
    '/requests/:id/reviews',
    {
      schema: {
        summary: 'Approve or deny',
        params: idParams,
        body: reviewBody,
        response: { 200: requestViewSchema },
      },
    },
    async (request) => {
      const caller = callerOf(request)
      const { version, ...review } = request.body
      const input = version === undefined ? review : { ...review, version }
      const { id } = await reviewAccessRequest(deps, caller, request.params.id, input)
      return await showRequest(deps, caller, id)
    },
  )
}
