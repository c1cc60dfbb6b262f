import { ownAccount } from '../authorize.ts'
import {
  AwsError,
  type Call,
  type CallDescription,
  type Outcome,
  type Reply,
  type SandboxRequest,
  type ServiceHandler,
} from '../call.ts'
import type { SandboxCore } from '../core.ts'
import type { Bus } from './bus.ts'
import { CALLS, type CallName, type Input, isCallName } from './calls.ts'
import * as destinations from './destinations.ts'
import type { EventsCall } from './events-call.ts'
import { isObject, type Json, type JsonObject } from './json.ts'
import { InvalidPattern } from './pattern-syntax.ts'
import { putEvents } from './put-events.ts'
import * as rules from './rules.ts'
import { type BusEvent, signedRegion } from './trail.ts'

type Acts = { readonly [Name in CallName]: (eventsCall: EventsCall, input: Input<Name>) => JsonObject }

const ACTS: Acts = {
  PutRule: rules.putRule,
  DescribeRule: rules.describeRule,
  ListRules: rules.listRules,
  EnableRule: (eventsCall, { Name }) => rules.switchRule(eventsCall, Name, 'EnableRule'),
  DisableRule: (eventsCall, { Name }) => rules.switchRule(eventsCall, Name, 'DisableRule'),
  TagResource: rules.tagResource,
  ListTagsForResource: rules.listTags,
  DeleteRule: rules.deleteRule,
  PutTargets: rules.putTargets,
  ListTargetsByRule: rules.listTargetsByRule,
  RemoveTargets: rules.removeTargets,
  TestEventPattern: rules.testEventPattern,
  CreateConnection: destinations.createConnection,
  DescribeConnection: destinations.describeConnection,
  UpdateConnection: destinations.updateConnection,
  DeleteConnection: destinations.deleteConnection,
  CreateApiDestination: destinations.createApiDestination,
  DescribeApiDestination: destinations.describeApiDestination,
  UpdateApiDestination: destinations.updateApiDestination,
  DeleteApiDestination: destinations.deleteApiDestination,
  PutEvents: putEvents,
}

interface Behind {
  readonly core: SandboxCore
  busOf(account: string, region: string): Bus
  publish(event: BusEvent): void
}

/** EventBridge's JSON API (`x-amz-target: AWSEvents.<call>`). */
export function eventsHandler(behind: Behind): ServiceHandler {
  return { service: 'events', describe, handle: (call) => handle(behind, call), renderError }
}

function describe(request: SandboxRequest): CallDescription {
  const action = request.headers['x-amz-target']?.replace(/^AWSEvents\./, '') ?? ''
  if (!isCallName(action)) {
    throw new AwsError('UnknownOperationException', 400, `The sandbox's EventBridge does not know ${action}.`)
  }
  const { AuthParameters: _secret, Entries: _entries, ...told } = parseBody(request.body)
  return { service: 'events', action, parameters: told }
}

function parseBody(body: Buffer): JsonObject {
  try {
    const input: Json = JSON.parse(body.toString() || '{}')
    if (isObject(input)) return input
  } catch {
    // The body is not JSON. The check below refuses it, as it refuses a body that is no object.
  }
  throw new AwsError('SerializationException', 400, 'The request body is not a JSON object.')
}

function handle({ core, busOf, publish }: Behind, call: Call): Outcome {
  const state = ownAccount(core.state, call.identity)
  const region = signedRegion(call.request.headers.authorization) ?? state.region
  const arnStart = `arn:aws:events:${region}:${state.account}:`
  const eventsCall: EventsCall = {
    core: { ...core, state },
    call,
    bus: busOf(state.account, region),
    arnStart,
    publish,
  }
  if (!isCallName(call.action)) throw new AwsError('UnknownOperationException', 400, call.action)
  const result = act(eventsCall, call.action, parseBody(call.request.body))
  return {
    reply: {
      status: 200,
      headers: { 'content-type': 'application/x-amz-json-1.1' },
      body: Object.keys(result).length === 0 ? '' : JSON.stringify(result),
    },
    facts: { responseElements: result },
  }
}

function act<Name extends CallName>(eventsCall: EventsCall, name: Name, body: JsonObject): JsonObject {
  const input = CALLS[name].safeParse(body)
  if (!input.success) {
    const fault = input.error.issues[0]
    const field = fault?.path.join('.') ?? ''
    throw new AwsError(
      'ValidationException',
      400,
      `1 validation error detected: Value at '${field}' failed to satisfy constraint: ${fault?.message ?? ''}`,
    )
  }
  try {
    return ACTS[name](eventsCall, input.data as Input<Name>)
  } catch (fault) {
    if (fault instanceof InvalidPattern) throw new AwsError('InvalidEventPatternException', 400, fault.message)
    throw fault
  }
}

/** The names of signature errors in the JSON protocol. */
const JSON_CODES: Readonly<Record<string, string>> = {
  InvalidClientTokenId: 'UnrecognizedClientException',
  SignatureDoesNotMatch: 'InvalidSignatureException',
}

function renderError(error: AwsError): Reply {
  const known = JSON_CODES[error.code] ?? error.code
  const type = known.endsWith('Exception') ? known : `${known}Exception`
  const status = error.status >= 500 ? error.status : 400
  return {
    status,
    headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-errortype': type },
    body: JSON.stringify({ __type: type, message: error.message }),
  }
}
