import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { type ErrorCode, HTTP_STATUS, LatchkeyError } from '../errors.ts'

/** Every refusal has the form `{error: {code, message}}`. An unforeseen error says only a reference. */

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

/** Refusals of fastify itself, by its error codes. */
const FASTIFY_PROBLEMS: Readonly<Record<string, string>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: JSON_ONLY,
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'The body does not have the length that its header says. Send it again.',
  FST_ERR_CTP_INVALID_JSON_BODY: 'The body is not JSON. Correct it and send it again.',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'The body is empty. Send JSON, or leave the content-type header out.',
}

function toLatchkeyError(error: FastifyError, bodyLimit: number): LatchkeyError | undefined {
  if (error instanceof LatchkeyError) return error
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') return new LatchkeyError('TOO_LARGE', { limitBytes: bodyLimit })
  const problem = FASTIFY_PROBLEMS[error.code]
  if (problem !== undefined) return new LatchkeyError('BAD_INPUT', { problem })
  // Fastify gives 400 to other requests that it cannot read, for example if the connection breaks inside the body.
  if (error.statusCode === 400) {
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

/**
 * Answers requests that fastify refuses before it has found a route.
 * @param headers those of every answer, since no hook has run yet
 */
export function answerAddress(headers: Readonly<Record<string, string>>) {
  return (error: FastifyError, _request: FastifyRequest, reply: FastifyReply): void => {
    // An id that is too long to exist is answered like one that does not exist.
    const { code, message, httpStatus } =
      error.code === 'FST_ERR_MAX_PARAM_LENGTH'
        ? new LatchkeyError('NOT_FOUND', { thing: 'page' })
        : new LatchkeyError('BAD_INPUT', { problem: 'The address cannot be read. Correct it and send it again.' })
    reply
      .headers(headers)
      .code(httpStatus)
      .send({ error: { code, message } } satisfies ErrorBody)
  }
}

/** The answer to bytes that node could not read as HTTP. Node's error code decides which answer. */
function unreadable(errorCode: string | undefined): { readonly status: number; readonly error: ErrorBody['error'] } {
  if (errorCode === 'HPE_HEADER_OVERFLOW')
    return { status: 431, error: { code: 'TOO_LARGE', message: 'The headers are too large. Send less.' } }
  if (errorCode === 'ERR_HTTP_REQUEST_TIMEOUT')
    return { status: 408, error: { code: 'BAD_INPUT', message: 'The request did not come in time. Send it again.' } }
  return { status: 400, error: { code: 'BAD_INPUT', message: 'This is not HTTP. Correct it and send it again.' } }
}

/**
 * Answers bytes that node could not read as HTTP. There is no request object, so the answer is written to the socket.
 * The socket is then closed.
 */
export function answerUnreadable(headers: Readonly<Record<string, string>>) {
  return (error: Error & { readonly code?: string }, socket: Socket): void => {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy()
      return
    }
    const { status, error: refusal } = unreadable(error.code)
    const body = JSON.stringify({ error: refusal } satisfies ErrorBody)
    const length = Buffer.byteLength(body)
    const all = { ...headers, 'content-type': 'application/json; charset=utf-8', 'content-length': length }
    const lines = Object.entries({ ...all, connection: 'close' }).map(([name, value]) => `${name}: ${value}`)
    socket.end([`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...lines, '', body].join('\r\n'), () => socket.destroy())
  }
}

export function answerErrors(app: FastifyInstance): void {
  app.setErrorHandler(answer)
  app.setNotFoundHandler((_request, reply) => {
    const { code, message, httpStatus } = new LatchkeyError('NOT_FOUND', { thing: 'page' })
    return reply.code(httpStatus).send({ error: { code, message } } satisfies ErrorBody)
  })
}
