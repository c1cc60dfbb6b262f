import type { FastifyInstance, FastifyRequest } from 'fastify'
import { isLatchkeyError, LatchkeyError } from '../errors.ts'
import type { Caller } from '../rules/caller.ts'
import type { HttpMetrics } from './metrics.ts'

export type VerifyBearer = (header: string | undefined, address: string) => Promise<Caller>

const callers = new WeakMap<FastifyRequest, Caller>()

/**
 * The caller whom the bearer hook has verified.
 * @throws NOT_SIGNED_IN
 */
export function callerOf(request: FastifyRequest): Caller {
  const caller = callers.get(request)
  if (caller === undefined) throw new LatchkeyError('NOT_SIGNED_IN', {})
  return caller
}

/** Refuses unknown callers before the body is read, so that each costs one signature check and no memory. */
export function demandBearer(app: FastifyInstance, verify: VerifyBearer, metrics: HttpMetrics): void {
  app.addHook('onRequest', async (request, reply) => {
    try {
      const caller = await verify(request.headers.authorization, request.ip)
      callers.set(request, caller)
      request.log = request.log.child({ caller: caller.objectId })
    } catch (error) {
      if (isLatchkeyError(error, 'NOT_SIGNED_IN')) metrics.refusedUnknown()
      // The body is never read. Without this header, node would receive all of it to keep the connection.
      reply.header('connection', 'close')
      throw error
    }
  })
}
