import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { extendGrant } from '../access-requests/extend-grant.ts'
import { endGrant } from '../grants/end-grant.ts'
import { findGrant, findGrants } from '../grants/find-grants.ts'
import type { Grant } from '../grants/grant.ts'
import type { WriteSummaries, WriteSummary } from '../oversight/write-summary.ts'
import { parseScope } from '../rules/scope.ts'
import { grantView } from '../views/grant-view.ts'
import { requestViewSchema } from '../views/request-view.ts'
import {
  extendBody,
  type GrantAnswer,
  grantAnswer,
  grantsAnswer,
  grantsQuery,
  idParams,
  toExtension,
} from './api-schemas.ts'
import { callerOf } from './bearer.ts'
import { type RequestDeps, showRequest } from './request-routes.ts'

export type GrantDeps = RequestDeps & { readonly writeSummaries: WriteSummaries }

/** A grant's view with the bucket's region, which a person's tools need. */
function answerOf({ rules }: GrantDeps, grant: Grant, summary: WriteSummary): GrantAnswer {
  const [first = ''] = grant.terms.scopes
  const region = rules.buckets.get(parseScope(first).bucket)?.region ?? null
  return { ...grantView(grant, summary), region }
}

async function showGrants(deps: GrantDeps, grants: readonly Grant[]): Promise<GrantAnswer[]> {
  const found = await deps.writeSummaries.readMany(grants.map(({ id }) => id))
  return grants.flatMap((grant, position) => {
    const summary = found[position]
    return summary === undefined ? [] : [answerOf(deps, grant, summary)]
  })
}

async function showGrant(deps: GrantDeps, grant: Grant): Promise<GrantAnswer> {
  const [summary] = await deps.writeSummaries.readMany([grant.id])
  if (summary === undefined) throw new Error('The store returned no write summary.')
  return answerOf(deps, grant, summary)
}

export function grantRoutes(app: FastifyInstance, deps: GrantDeps): void {
  const api = app.withTypeProvider<ZodTypeProvider>()
  api.get(
    '/grants',
    {
      schema: {
        summary: 'The grants that you asked for',
        querystring: grantsQuery,
        response: { 200: grantsAnswer },
      },
    },
    async (request) => {
      const found = await findGrants(deps, callerOf(request), request.query)
      return { grants: await showGrants(deps, found) }
    },
  )
  api.get(
    '/grants/:id',
    {
      schema: {
        summary: 'One grant that you asked for or approved',
        params: idParams,
        response: { 200: grantAnswer },
      },
    },
    async (request) => showGrant(deps, await findGrant(deps, callerOf(request), request.params.id)),
  )
  api.post(
    '/grants/:id/extend',
    {
      schema: {
        summary: 'Ask for a live grant to go on; somebody says yes anew',
        params: idParams,
        body: extendBody,
        response: { 201: requestViewSchema },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request)
      const { id } = await extendGrant(deps, caller, request.params.id, toExtension(request.body))
      reply.code(201).header('location', `/api/v1/requests/${id}`)
      return await showRequest(deps, caller, id)
    },
  )
  api.post(
    '/grants/:id/end',
    { schema: { summary: 'End a grant now', params: idParams, response: { 200: grantAnswer } } },
    async (request) => showGrant(deps, await endGrant(deps, callerOf(request), request.params.id)),
  )
}
