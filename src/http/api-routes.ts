import type { FastifyInstance, FastifySchemaCompiler } from 'fastify'
import type { z } from 'zod'
import { isLatchkeyError } from '../errors.ts'
import { demandBearer, type VerifyBearer } from './bearer.ts'
import { type CredentialsDeps, credentialsRoutes } from './credentials-routes.ts'
import { type GrantDeps, grantRoutes } from './grant-routes.ts'
import type { HttpMetrics } from './metrics.ts'
import { parseInput } from './parse-input.ts'
import { requestRoutes } from './request-routes.ts'

export type ApiDeps = GrantDeps & CredentialsDeps

/** Parses input by the schema of its route before the handler sees it, and refuses it with our own messages. */
const compileParser: FastifySchemaCompiler<z.ZodType> =
  ({ schema }) =>
  (given) => {
    try {
      return { value: parseInput(schema, given) }
    } catch (error) {
      if (isLatchkeyError(error, 'BAD_INPUT')) return { error }
      throw error
    }
  }

/** The routes below `/api/v1`. They convert and forward; every decision is made in the use cases. */
export function apiRoutes(app: FastifyInstance, deps: ApiDeps, verify: VerifyBearer, metrics: HttpMetrics): void {
  app.register(
    async (api) => {
      demandBearer(api, verify, metrics)
      api.setValidatorCompiler(compileParser)
      // No check at run time: the TypeScript compiler has checked what a handler answers.
      api.setSerializerCompiler(() => (answer) => JSON.stringify(answer))
      requestRoutes(api, deps)
      grantRoutes(api, deps)
      credentialsRoutes(api, deps)
    },
    { prefix: '/api/v1' },
  )
}
