import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { KeysAway } from '../signing-keys/connector-keys.ts'
import type { OurBot } from './activity.ts'
import type { TeamsAdapter } from './adapter.ts'
import { parseActivity } from './parse-activity.ts'
import { Refused } from './refused.ts'
import type { Connector, VerifyConnector } from './verify-connector-token.ts'

/**
 * The route to which Bot Connector delivers activities. Our own check comes before the SDK's, which checks neither
 * tenant nor service URL, and whose errors reveal too much.
 */

const BODY_LIMIT_BYTES = 256 * 1_024
const RETRY_AFTER_SECONDS = 5

export interface MessagesDeps extends OurBot {
  readonly verify: VerifyConnector
  readonly adapter: TeamsAdapter
  readonly metrics: { refusedUnknown(): void }
}

export function messagesRoute(app: FastifyInstance, deps: MessagesDeps): void {
  const connectors = new WeakMap<FastifyRequest, Connector>()
  app.register(async (route) => {
    route.setErrorHandler((error: FastifyError, request, reply) => refuse(deps, error, request, reply))
    // Callers are checked before the body is read, so an unknown caller costs one signature check and no memory.
    route.addHook('onRequest', async (request, reply) => {
      // Removed again for a known caller. After a refusal the connection closes, since the body is never read.
      reply.header('connection', 'close')
      connectors.set(request, await deps.verify(request.headers.authorization))
      reply.removeHeader('connection')
    })
    route.post('/api/messages', { bodyLimit: BODY_LIMIT_BYTES }, async (request, reply) => {
      const connector = connectors.get(request)
      if (connector === undefined) throw new Refused(401, 'not-verified')
      const parsed = parseActivity(request.body, connector, deps)
      const { status, body } = await deps.adapter.process(request.headers.authorization ?? '', parsed)
      if (status === 401) throw new Refused(401, 'refused-by-the-sdk')
      if (status !== 200) throw new Error(`The SDK ended a turn with ${status}.`)
      return reply.code(200).send(body)
    })
  })
}

const SENTENCES: Readonly<Record<number, string>> = {
  400: 'This is not an activity of Teams.',
  401: 'Only Teams is heard here.',
  403: 'Only our own Teams is heard here.',
  413: 'That is more than an activity holds.',
  415: 'Send JSON.',
  500: 'Something went wrong here.',
  503: 'Nobody can be known at the moment. Send it again.',
}

/** The answer has one text for each status, whatever the reason. Only the log has the reason. */
function refuse(
  { metrics }: MessagesDeps,
  error: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const status = statusOf(error)
  if (error instanceof Refused) request.log.info({ reason: error.reason }, 'activity refused')
  if (status === 401 || status === 403) metrics.refusedUnknown()
  if (status === 503) {
    request.log.warn({ err: error }, 'the keys of Bot Connector cannot be read')
    reply.header('retry-after', RETRY_AFTER_SECONDS)
  }
  if (status === 500) request.log.error({ err: error }, 'activity failed')
  return reply.code(status).send({ error: SENTENCES[status] })
}

function statusOf(error: FastifyError): number {
  if (error instanceof Refused) return error.status
  if (error instanceof KeysAway) return 503
  const { statusCode = 500 } = error
  if (statusCode in SENTENCES) return statusCode
  return statusCode < 500 ? 400 : 500
}
