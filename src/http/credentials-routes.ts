import type { FastifyInstance } from 'fastify'
import type { z } from 'zod'
import { type ConsoleDeps, consoleSignIn } from '../grants/credentials/console-sign-in.ts'
import { type LinkDeps, objectLink } from '../grants/credentials/object-link.ts'
import { vendCredentials } from '../grants/credentials/vend-credentials.ts'
import { type consoleAnswer, type credentialsAnswer, idParams, type linkAnswer, linkBody } from './api-schemas.ts'
import { callerOf } from './bearer.ts'
import { parseInput } from './parse-input.ts'

export type DeliveryDeps = ConsoleDeps & LinkDeps

/** What an active grant gives to its requester. Every answer is a secret: it is in no log, and no proxy keeps it. */
export function deliveryRoutes(app: FastifyInstance, deps: DeliveryDeps): void {
  app.post('/grants/:id/credentials', async (request): Promise<z.output<typeof credentialsAnswer>> => {
    const { id } = parseInput(idParams, request.params)
    const credentials = await vendCredentials(deps, callerOf(request), id)
    return {
      Version: 1,
      AccessKeyId: credentials.accessKeyId,
      SecretAccessKey: credentials.secretAccessKey,
      SessionToken: credentials.sessionToken,
      Expiration: credentials.expiresAt,
    }
  })
  app.post(
    '/grants/:id/console',
    async (request): Promise<z.output<typeof consoleAnswer>> =>
      consoleSignIn(deps, callerOf(request), parseInput(idParams, request.params).id),
  )
  app.post('/grants/:id/link', async (request): Promise<z.output<typeof linkAnswer>> => {
    const { method } = parseInput(linkBody, request.body)
    const link = await objectLink(deps, callerOf(request), parseInput(idParams, request.params).id, method)
    return { method, ...link }
  })
}
