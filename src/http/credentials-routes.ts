import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { type ConsoleDeps, consoleSignIn } from '../grants/credentials/console-sign-in.ts'
import { type LinkDeps, objectLink } from '../grants/credentials/object-link.ts'
import { vendCredentials } from '../grants/credentials/vend-credentials.ts'
import { consoleAnswer, credentialsAnswer, idParams, linkAnswer, linkBody } from './api-schemas.ts'
import { callerOf } from './bearer.ts'

export type CredentialsDeps = ConsoleDeps & LinkDeps

/**
 * The routes that vend. Every answer is a secret: it is not logged, and `cache-control` keeps proxies from storing it.
 */
export function credentialsRoutes(app: FastifyInstance, deps: CredentialsDeps): void {
  const api = app.withTypeProvider<ZodTypeProvider>()
  api.post(
    '/grants/:id/credentials',
    {
      schema: {
        summary: 'AWS credentials of your active grant, in the form of a `credential_process`',
        params: idParams,
        response: { 200: credentialsAnswer },
      },
    },
    async (request) => {
      const credentials = await vendCredentials(deps, callerOf(request), request.params.id)
      return {
        Version: 1 as const,
        AccessKeyId: credentials.accessKeyId,
        SecretAccessKey: credentials.secretAccessKey,
        SessionToken: credentials.sessionToken,
        Expiration: credentials.expiresAt,
      }
    },
  )
  api.post(
    '/grants/:id/console',
    {
      schema: {
        summary: "A link that signs you in to AWS's console with your active grant",
        params: idParams,
        response: { 200: consoleAnswer },
      },
    },
    async (request) => consoleSignIn(deps, callerOf(request), request.params.id),
  )
  api.post(
    '/grants/:id/link',
    {
      schema: {
        summary: 'A link to the one object of your active grant, for fifteen minutes at most',
        params: idParams,
        body: linkBody,
        response: { 200: linkAnswer },
      },
    },
    async (request) => {
      const { method } = request.body
      const link = await objectLink(deps, callerOf(request), request.params.id, method)
      return { method, ...link }
    },
  )
}
