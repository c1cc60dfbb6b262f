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
import type { JsonObject } from './events/json.ts'
import { signedRegion } from './events/trail.ts'
import { entityOf, type JsonInput, jsonBody, jsonError, readInput } from './json-protocol.ts'
import type { AwsState } from './state.ts'

/** AWS's JSON protocols: the call is named in `x-amz-target`. */

export interface JsonVisit {
  readonly core: SandboxCore
  /** Of the caller's account. */
  readonly state: AwsState
  readonly region: string
  /** Of the sandbox, as the caller wrote it. */
  readonly origin: string
  /** Throws what AWS answers to somebody who may not. */
  mustAllow(action: string, resource: string): void
}

export interface JsonCall {
  act(visit: JsonVisit, body: JsonInput): JsonObject
}

/** One call, its input in the shape that the service's model has. */
export function jsonCall<S extends z.ZodType>(
  input: S,
  act: (visit: JsonVisit, input: z.output<S>) => JsonObject,
): JsonCall {
  return { act: (visit, body) => act(visit, readInput(input, body)) }
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
      parameters: jsonBody(request),
    }),
    handle(call) {
      const result = service.calls[call.action]?.act(visitOf(core, call), jsonBody(call.request)) ?? {}
      return {
        reply: { status: 200, headers: { 'content-type': type }, body: JSON.stringify(result) },
        facts: { responseElements: result },
      }
    },
    renderError(error) {
      const { status, headers, body } = jsonError(error)
      return { status, headers: { ...headers, 'content-type': type, ...service.errorHeaders?.(error) }, body }
    },
  }
}

function actionOf({ calls, service }: JsonService, request: SandboxRequest): string {
  const action = entityOf(request)
  if (Object.hasOwn(calls, action)) return action
  throw new AwsError('UnknownOperationException', 400, `The sandbox's ${service} does not know ${action}.`)
}

function visitOf(core: SandboxCore, call: Call): JsonVisit {
  const { identity, request } = call
  const state = ownAccount(core.state, identity)
  return {
    core,
    state,
    region: signedRegion(request.headers.authorization) ?? state.region,
    origin: `http://${request.headers.host}`,
    mustAllow(action, resource) {
      const verdict = authorize(core, { identity, action, resource, request })
      if (verdict.allowed) return
      throw new AwsError('AccessDeniedException', 403, deniedMessage(identity, action, resource, verdict))
    },
  }
}
