import { randomUUID } from 'node:crypto'
import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from 'fastify'
import { answerAddress, answerErrors, answerUnreadable } from './answer-errors.ts'

/** The largest body of `/api/v1` is a request for access: a few scopes and a reason. */
const BODY_LIMIT_BYTES = 16 * 1024

const HEADERS = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  // Every answer is for one person. A proxy that stores it could give it to another one.
  'cache-control': 'no-store',
} as const

export interface ServerOptions {
  readonly log: FastifyBaseLogger
  readonly publicUrl: string
}

export function httpServer({ log, publicUrl }: ServerOptions): FastifyInstance {
  const headers = publicUrl.startsWith('https:')
    ? { ...HEADERS, 'strict-transport-security': 'max-age=31536000' }
    : HEADERS
  const app = fastify({
    loggerInstance: log,
    // We log one line per answer ourselves. The default logs URLs, and URLs may carry codes of sign-ins.
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => randomUUID(),
    bodyLimit: BODY_LIMIT_BYTES,
    // A client that sends its request slowly keeps a socket for ten seconds at most.
    requestTimeout: 10_000,
    keepAliveTimeout: 30_000,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    exposeHeadRoutes: false,
    frameworkErrors: answerAddress(headers),
    clientErrorHandler: answerUnreadable(headers),
  })
  // Only `application/json`. Any web page can post a form or `text/plain` without a preflight.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'string' }, app.getDefaultJsonParser('error', 'error'))
  app.addHook('onRequest', async (_request, reply) => {
    reply.headers(headers)
  })
  app.addHook('onResponse', async (request, reply) => {
    request.log.info(
      {
        method: request.method,
        route: request.routeOptions.url ?? 'none',
        status: reply.statusCode,
        milliseconds: Math.round(reply.elapsedTime),
      },
      'answered',
    )
  })
  answerErrors(app)
  return app
}
