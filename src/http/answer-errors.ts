import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { type ErrorCode, HTTP_STATUS, LatchkeyError } from '../errors.ts'

/** The one shape of every refusal: `{error: {code, message}}`. What we did not foresee says nothing but a reference. */

const CODES = Object.keys(HTTP_STATUS).filter((code): code is ErrorCode => code in HTTP_STATUS)

export const errorBody = z
  .strictObject({
    error: z.strictObject({
      code: z.enum([...CODES, 'INTERNAL']).meta({ description: 'Stable; the message is for people and may change' }),
      message: z.string(),
    }),
  })
  .meta({ id: 'Error' })

export type ErrorBody = z.infer<typeof errorBody>

const JSON_ONLY = 'Send JSON, with the header `content-type: application/json`.'

/** What fastify itself refuses, by its codes. */
const OF_FASTIFY: Readonly<Record<string, string>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: JSON_ONLY,
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'The body does not have the length that its header says. Send it again.',
  FST_ERR_CTP_INVALID_JSON_BODY: 'The body is not JSON. Correct it and send it again.',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'The body is empty. Send JSON, or leave the content-type header out.',
}

function toLatchkeyError(error: FastifyError, bodyLimit: number): LatchkeyError | undefined {
  if (error instanceof LatchkeyError) return error
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') return new LatchkeyError('TOO_LARGE', { limitBytes: bodyLimit })
  const problem = OF_FASTIFY[error.code]
  if (problem !== undefined) return new LatchkeyError('BAD_INPUT', { problem })
  // JSON.parse and its check for `__proto__` throw SyntaxError with fastify's 400.
  if (error instanceof SyntaxError || error.statusCode === 400) {
    return new LatchkeyError('BAD_INPUT', { problem: 'The request cannot be read. Correct it and send it again.' })
  }
  return undefined
}

function answer(error: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const known = toLatchkeyError(error, request.routeOptions.bodyLimit)
  if (known === undefined) {
    request.log.error({ err: error }, 'request failed')
    const message = `Something went wrong here. Nothing is known to be changed; tell the operator the reference ${request.id}.`
    return reply.code(500).send({ error: { code: 'INTERNAL', message } } satisfies ErrorBody)
  }
  if (known.code === 'UNAVAILABLE') {
    request.log.warn({ err: known }, 'not available')
    reply.header('retry-after', Object(known.facts).retryAfterSeconds ?? 5)
  }
  if (known.code === 'NOT_SIGNED_IN') reply.header('www-authenticate', 'Bearer')
  const body: ErrorBody = { error: { code: known.code, message: known.message } }
  return reply.code(known.httpStatus).send(body)
}

export function answerErrors(app: FastifyInstance): void {
  app.setErrorHandler(answer)
  app.setNotFoundHandler((_request, reply) => {
    const { code, message, httpStatus } = new LatchkeyError('NOT_FOUND', { thing: 'page' })
    return reply.code(httpStatus).send({ error: { code, message } } satisfies ErrorBody)
  })
}
