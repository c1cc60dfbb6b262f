import type { z } from 'zod'
import { authorize, deniedMessage, ownAccount } from './authorize.ts'
import { AwsError, type Call, type SandboxRequest, type ServiceHandler, type ServiceName } from './call.ts'
import type { SandboxCore } from './core.ts'
import type { JsonObject } from './events/json.ts'
import { signedRegion } from './events/trail.ts'
import { entityOf, type JsonInput, jsonBody, jsonError, readInput } from './json-protocol.ts'
import type { AwsState } from './state.ts'

/** One call of AWS's JSON protocols; `x-amz-target` names it. */

export interface JsonVisit {
  readonly core: SandboxCore
  /** The state of the caller's account. */
  readonly state: AwsState
  readonly region: string
  /** The sandbox's origin, as the caller's request named it. */
  readonly origin: string
  /** Throws AWS's AccessDenied when the caller may not do this. */
  mustAllow(action: string, resource: string): void
}

export interface JsonCall {
  act(visit: JsonVisit, body: JsonInput): JsonObject
}

/** Makes a call from a schema of its input and a handler. */
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
  /** Returns additional headers for an error. */
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
