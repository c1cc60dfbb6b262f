import { randomUUID } from 'node:crypto'
import { AwsError } from '../call.ts'
import { type ApiDestination, byArn, type Connection, connectionOf, destinationOf, notFound } from './bus.ts'
import type { Input } from './calls.ts'
import { type EventsCall, invalid, mustAllow } from './events-call.ts'
import type { JsonObject } from './json.ts'

/** The calls on connections and API destinations. */

function connectionArn(eventsCall: EventsCall, name: string): string {
  return `${eventsCall.arnStart}connection/${name}`
}

function destinationArn(eventsCall: EventsCall, name: string): string {
  return `${eventsCall.arnStart}api-destination/${name}`
}

/** EventBridge keeps the key in a secret and manages that secret with the caller's rights ("Connections for API targets"). */
function mustAllowSecret(eventsCall: EventsCall, action: string, name: string): void {
  const { account } = eventsCall.core.state
  const secret = `arn:aws:secretsmanager:${eventsCall.bus.region}:${account}:secret:events!connection/${name}/*`
  mustAllow(eventsCall, `secretsmanager:${action}`, secret)
}

function exists(kind: string, name: string): never {
  throw new AwsError('ResourceAlreadyExistsException', 400, `${kind} ${name} already exists.`)
}

export function createConnection(eventsCall: EventsCall, input: Input<'CreateConnection'>): JsonObject {
  const { Name } = input
  mustAllow(eventsCall, 'events:CreateConnection', connectionArn(eventsCall, Name))
  mustAllowSecret(eventsCall, 'CreateSecret', Name)
  if (input.AuthorizationType !== 'API_KEY') invalid('The sandbox only knows connections with an API key.')
  if (eventsCall.bus.connections.has(Name)) exists('Connection', Name)
  const now = eventsCall.core.clock.now()
  const { ApiKeyName, ApiKeyValue } = input.AuthParameters.ApiKeyAuthParameters
  const connection: Connection = {
    name: Name,
    arn: `${connectionArn(eventsCall, Name)}/${randomUUID()}`,
    description: input.Description,
    keyName: ApiKeyName,
    keyValue: ApiKeyValue,
    createdAt: now,
    modifiedAt: now,
  }
  eventsCall.bus.connections.set(Name, connection)
  return connectionSummary(connection, 'AUTHORIZED')
}

function connectionSummary(connection: Connection, state: string): JsonObject {
  return {
    ConnectionArn: connection.arn,
    ConnectionState: state,
    CreationTime: connection.createdAt / 1000,
    LastModifiedTime: connection.modifiedAt / 1000,
    LastAuthorizedTime: connection.modifiedAt / 1000,
  }
}

/** DescribeConnection never returns the key's value. */
export function describeConnection(eventsCall: EventsCall, { Name }: Input<'DescribeConnection'>): JsonObject {
  mustAllow(eventsCall, 'events:DescribeConnection', connectionArn(eventsCall, Name))
  const connection = connectionOf(eventsCall.bus, Name)
  return {
    ...connectionSummary(connection, 'AUTHORIZED'),
    Name,
    ...(connection.description === undefined ? {} : { Description: connection.description }),
    AuthorizationType: 'API_KEY',
    SecretArn: `arn:aws:secretsmanager:${eventsCall.bus.region}:${eventsCall.core.state.account}:secret:events!connection/${Name}`,
    AuthParameters: { ApiKeyAuthParameters: { ApiKeyName: connection.keyName } },
  }
}

export function updateConnection(eventsCall: EventsCall, input: Input<'UpdateConnection'>): JsonObject {
  const { Name } = input
  mustAllow(eventsCall, 'events:UpdateConnection', connectionArn(eventsCall, Name))
  mustAllowSecret(eventsCall, 'UpdateSecret', Name)
  const before = connectionOf(eventsCall.bus, Name)
  if (input.AuthorizationType !== undefined && input.AuthorizationType !== 'API_KEY') {
    invalid('The sandbox only knows connections with an API key.')
  }
  const key = input.AuthParameters?.ApiKeyAuthParameters
  const connection: Connection = {
    ...before,
    description: input.Description ?? before.description,
    keyName: key?.ApiKeyName ?? before.keyName,
    keyValue: key?.ApiKeyValue ?? before.keyValue,
    modifiedAt: eventsCall.core.clock.now(),
  }
  eventsCall.bus.connections.set(Name, connection)
  return connectionSummary(connection, 'AUTHORIZED')
}

export function deleteConnection(eventsCall: EventsCall, { Name }: Input<'DeleteConnection'>): JsonObject {
  mustAllow(eventsCall, 'events:DeleteConnection', connectionArn(eventsCall, Name))
  mustAllowSecret(eventsCall, 'DeleteSecret', Name)
  const connection = connectionOf(eventsCall.bus, Name)
  eventsCall.bus.connections.delete(Name)
  return connectionSummary(connection, 'DELETING')
}

/** AWS accepts only https with a publicly trusted certificate. The sandbox also accepts http to a literal loopback address. */
function checkEndpoint(endpoint: string): void {
  // AWS allows path parameters (`*`); the sandbox does not support them.
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined
  const loopback = url?.protocol === 'http:' && /^(127(\.\d{1,3}){3}|\[::1\])$/.test(url.hostname)
  if (url?.protocol === 'https:' || loopback) return
  invalid(`Parameter InvocationEndpoint is not valid. Reason: the endpoint must be a valid HTTPS URL.`)
}

function checkConnection(eventsCall: EventsCall, arn: string): void {
  if (byArn(eventsCall.bus.connections, arn) === undefined) notFound(`Connection '${arn}' does not exist.`)
}

export function createApiDestination(eventsCall: EventsCall, input: Input<'CreateApiDestination'>): JsonObject {
  const { Name } = input
  mustAllow(eventsCall, 'events:CreateApiDestination', destinationArn(eventsCall, Name))
  checkEndpoint(input.InvocationEndpoint)
  checkConnection(eventsCall, input.ConnectionArn)
  if (eventsCall.bus.destinations.has(Name)) exists('ApiDestination', Name)
  const now = eventsCall.core.clock.now()
  const destination: ApiDestination = {
    name: Name,
    arn: `${destinationArn(eventsCall, Name)}/${randomUUID()}`,
    description: input.Description,
    connectionArn: input.ConnectionArn,
    endpoint: input.InvocationEndpoint,
    method: input.HttpMethod,
    rateLimitPerSecond: input.InvocationRateLimitPerSecond,
    createdAt: now,
    modifiedAt: now,
  }
  eventsCall.bus.destinations.set(Name, destination)
  return destinationSummary(eventsCall, destination)
}

function destinationSummary(eventsCall: EventsCall, destination: ApiDestination): JsonObject {
  const connected = byArn(eventsCall.bus.connections, destination.connectionArn) !== undefined
  return {
    ApiDestinationArn: destination.arn,
    ApiDestinationState: connected ? 'ACTIVE' : 'INACTIVE',
    CreationTime: destination.createdAt / 1000,
    LastModifiedTime: destination.modifiedAt / 1000,
  }
}

export function describeApiDestination(eventsCall: EventsCall, { Name }: Input<'DescribeApiDestination'>): JsonObject {
  mustAllow(eventsCall, 'events:DescribeApiDestination', destinationArn(eventsCall, Name))
  const destination = destinationOf(eventsCall.bus, Name)
  return {
    ...destinationSummary(eventsCall, destination),
    Name,
    ...(destination.description === undefined ? {} : { Description: destination.description }),
    ConnectionArn: destination.connectionArn,
    InvocationEndpoint: destination.endpoint,
    HttpMethod: destination.method,
    InvocationRateLimitPerSecond: destination.rateLimitPerSecond,
  }
}

export function updateApiDestination(eventsCall: EventsCall, input: Input<'UpdateApiDestination'>): JsonObject {
  const { Name } = input
  mustAllow(eventsCall, 'events:UpdateApiDestination', destinationArn(eventsCall, Name))
  const before = destinationOf(eventsCall.bus, Name)
  if (input.InvocationEndpoint !== undefined) checkEndpoint(input.InvocationEndpoint)
  if (input.ConnectionArn !== undefined) checkConnection(eventsCall, input.ConnectionArn)
  const destination: ApiDestination = {
    ...before,
    description: input.Description ?? before.description,
    connectionArn: input.ConnectionArn ?? before.connectionArn,
    endpoint: input.InvocationEndpoint ?? before.endpoint,
    method: input.HttpMethod ?? before.method,
    rateLimitPerSecond: input.InvocationRateLimitPerSecond ?? before.rateLimitPerSecond,
    modifiedAt: eventsCall.core.clock.now(),
  }
  eventsCall.bus.destinations.set(Name, destination)
  return destinationSummary(eventsCall, destination)
}

export function deleteApiDestination(eventsCall: EventsCall, { Name }: Input<'DeleteApiDestination'>): JsonObject {
  mustAllow(eventsCall, 'events:DeleteApiDestination', destinationArn(eventsCall, Name))
  destinationOf(eventsCall.bus, Name)
  eventsCall.bus.destinations.delete(Name)
  return {}
}
