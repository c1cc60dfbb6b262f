import type { z } from 'zod'
import { authorize, deniedMessage, ownAccount } from './authorize.ts'
import {
  AwsError,
  type Call,
  type SandboxCore,
  type SandboxRequest,
  type ServiceHandler,
  type ServiceName,
} from './call.ts'
import { isObject, type Json, type JsonObject } from './events/json.ts'
import { signedRegion } from './events/trail.ts'
import type { AwsState } from './state.ts'

/** AWS's JSON protocols: the call is named in `x-amz-target`. */

export interface JsonVisit {
  readonly core: SandboxCore
  /** Of the caller's account. */
  readonly state: AwsState
  readonly region: string
  /** Throws what AWS answers to somebody who may not. */
  mustAllow(action: string, resource: string): void
}

export interface JsonCall {
  readonly input: z.ZodType
  act(visit: JsonVisit, body: JsonObject): JsonObject
}

/** One call, its input in the shape that the service's model has. */
export function jsonCall<S extends z.ZodType>(
  input: S,
  act: (visit: JsonVisit, input: z.output<S>) => JsonObject,
): JsonCall {
  return { input, act: (visit, body) => act(visit, input.parse(body)) }
}

export interface JsonService {
  readonly service: ServiceName
  readonly version: '1.0' | '1.1'
  readonly calls: Readonly<Record<string, JsonCall>>
  /** More headers on an error. */
  errorHeaders?(error: AwsError): Readonly<Record<string, string>>
}

export function jsonService(core: SandboxCore, service: JsonService): ServiceHandler {
  const type = `application/x-amz-json-${service.version}`
  return {
    service: service.service,
    describe: (request) => ({
      service: service.service,
      action: actionOf(service, request),
      parameters: bodyOf(request),
    }),
    handle(call) {
      const result = service.calls[call.action]?.act(visitOf(core, call), checked(service, call)) ?? {}
      return {
        reply: { status: 200, headers: { 'content-type': type }, body: JSON.stringify(result) },
        facts: { responseElements: result },
      }
    },
    renderError(error) {
      const headers = { 'content-type': type, 'x-amzn-errortype': error.code, ...service.errorHeaders?.(error) }
      return { status: error.status, headers, body: JSON.stringify({ __type: error.code, message: error.message }) }
    },
  }
}

function actionOf({ calls, service }: JsonService, { headers }: SandboxRequest): string {
  const action = headers['x-amz-target']?.replace(/^.*\./, '') ?? ''
  if (Object.hasOwn(calls, action)) return action
  throw new AwsError('UnknownOperationException', 400, `The sandbox's ${service} does not know ${action}.`)
}

function bodyOf({ body }: SandboxRequest): JsonObject {
  const input: Json = JSON.parse(body.toString() || '{}')
  return isObject(input) ? input : {}
}

function checked({ calls }: JsonService, call: Call): JsonObject {
  const body = bodyOf(call.request)
  const fault = calls[call.action]?.input.safeParse(body).error?.issues[0]
  if (fault === undefined) return body
  const message = `1 validation error detected: Value at '${fault.path.join('.')}' failed to satisfy constraint: ${fault.message}`
  throw new AwsError('ValidationException', 400, message)
}

function visitOf(core: SandboxCore, call: Call): JsonVisit {
  const { identity, request } = call
  const state = ownAccount(core.state, identity)
  return {
    core,
    state,
    region: signedRegion(request.headers.authorization) ?? state.region,
    mustAllow(action, resource) {
      const verdict = authorize(core, { identity, action, resource, request })
      if (verdict.allowed) return
      throw new AwsError('AccessDeniedException', 403, deniedMessage(identity, action, resource, verdict))
    },
  }
}
