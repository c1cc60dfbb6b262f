import type { FastifyInstance } from 'fastify'
import { z } from 'zod'

export interface Readiness {
  /** @returns what is missing, in words; undefined if ready */
  findMissing(): Promise<string | undefined>
}

const healthAnswer = z.strictObject({
  status: z.enum(['alive', 'ready', 'not ready']),
  missing: z.string().optional(),
})

type HealthAnswer = z.infer<typeof healthAnswer>

export function healthRoutes(app: FastifyInstance, readiness: Readiness): void {
  app.get('/healthz', async (): Promise<HealthAnswer> => ({ status: 'alive' }))
  app.get('/readyz', async (_request, reply): Promise<HealthAnswer> => {
    const missing = await readiness.findMissing()
    if (missing === undefined) return { status: 'ready' }
    reply.code(503).header('retry-after', 1)
    return { status: 'not ready', missing }
  })
}
