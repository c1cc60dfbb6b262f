import { randomUUID } from 'node:crypto'

/** Graph's errors, with the real texts where they are known. */
export class GraphFault extends Error {
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

export function graphErrorBody(code: string, message: string, requestId: string = randomUUID()): object {
  const innerError = {
    date: new Date().toISOString().slice(0, 19),
    'request-id': requestId,
    'client-request-id': requestId,
  }
  return { error: { code, message, innerError } }
}

export function statusBody(status: number): object {
  const [code, message] = STATUS_ERRORS[status] ?? ['UnknownError', '']
  return graphErrorBody(code, message)
}

const STATUS_ERRORS: Readonly<Record<number, readonly [string, string]>> = {
  429: ['TooManyRequests', 'Too many requests.'],
  500: ['InternalServerError', 'Internal server error.'],
  502: ['BadGateway', 'Bad gateway.'],
  503: ['ServiceUnavailable', 'The service is temporarily unavailable. Please try again later.'],
  504: ['GatewayTimeout', 'The request timed out.'],
}

/** The answer for a person or a group that does not exist. */
export function notThere(id: string): GraphFault {
  return new GraphFault(
    404,
    'Request_ResourceNotFound',
    `Resource '${id}' does not exist or one of its queried reference-property objects are not present.`,
  )
}

export function noManager(): GraphFault {
  return notThere('manager')
}

export function badRequest(message: string): GraphFault {
  return new GraphFault(400, 'Request_BadRequest', message)
}

export function forbidden(): GraphFault {
  return new GraphFault(403, 'Authorization_RequestDenied', 'Insufficient privileges to complete the operation.')
}

export function unauthenticated(message: string): GraphFault {
  return new GraphFault(401, 'InvalidAuthenticationToken', message)
}
