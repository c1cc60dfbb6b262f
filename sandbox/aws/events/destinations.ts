import { randomUUID } from 'node:crypto'
import { AwsError } from '../call.ts'
import { type ApiDestination, byArn, type Connection, connectionOf, destinationOf, notFound } from './bus.ts'
import type { Input } from './calls.ts'
import { type Desk, invalid, mustAllow } from './desk.ts'
import type { JsonObject } from './json.ts'

/** The calls on connections and API destinations. */

function connectionArn(desk: Desk, name: string): string {
  return `${desk.arnStart}connection/${name}`
}

function destinationArn(desk: Desk, name: string): string {
  return `${desk.arnStart}api-destination/${name}`
}

/** EventBridge keeps the key in a secret and manages that secret with the caller's rights ("Connections for API targets"). */
function mustAllowSecret(desk: Desk, action: string, name: string): void {
  const { account } = desk.core.state
  const secret = `arn:aws:secretsmanager:${desk.bus.region}:${account}:secret:events!connection/${name}/*`
  mustAllow(desk, `secretsmanager:${action}`, secret)
}

function exists(kind: string, name: string): never {
  throw new AwsError('ResourceAlreadyExistsException', 400, `${kind} ${name} already exists.`)
}

export function createConnection(desk: Desk, input: Input<'CreateConnection'>): JsonObject {
  const { Name } = input
  mustAllow(desk, 'events:CreateConnection', connectionArn(desk, Name))
  mustAllowSecret(desk, 'CreateSecret', Name)
  if (input.AuthorizationType !== 'API_KEY') invalid('The sandbox only knows connections with an API key.')
  if (desk.bus.connections.has(Name)) exists('Connection', Name)
  const now = desk.core.clock.now()
  const { ApiKeyName, ApiKeyValue } = input.AuthParameters.ApiKeyAuthParameters
  const connection: Connection = {
    name: Name,
    arn: `${connectionArn(desk, Name)}/${randomUUID()}`,
    description: input.Description,
    keyName: ApiKeyName,
    keyValue: ApiKeyValue,
    createdAt: now,
    modifiedAt: now,
  }
  desk.bus.connections.set(Name, connection)
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
export function describeConnection(desk: Desk, { Name }: Input<'DescribeConnection'>): JsonObject {
  mustAllow(desk, 'events:DescribeConnection', connectionArn(desk, Name))
  const connection = connectionOf(desk.bus, Name)
  return {
    ...connectionSummary(connection, 'AUTHORIZED'),
    Name,
    ...(connection.description === undefined ? {} : { Description: connection.description }),
    AuthorizationType: 'API_KEY',
    SecretArn: `arn:aws:secretsmanager:${desk.bus.region}:${desk.core.state.account}:secret:events!connection/${Name}`,
    AuthParameters: { ApiKeyAuthParameters: { ApiKeyName: connection.keyName } },
  }
}

export function updateConnection(desk: Desk, input: Input<'UpdateConnection'>): JsonObject {
  const { Name } = input
  mustAllow(desk, 'events:UpdateConnection', connectionArn(desk, Name))
  mustAllowSecret(desk, 'UpdateSecret', Name)
  const before = connectionOf(desk.bus, Name)
  if (input.AuthorizationType !== undefined && input.AuthorizationType !== 'API_KEY') {
    invalid('The sandbox only knows connections with an API key.')
  }
  const key = input.AuthParameters?.ApiKeyAuthParameters
  const connection: Connection = {
    ...before,
    description: input.Description ?? before.description,
    keyName: key?.ApiKeyName ?? before.keyName,
    keyValue: key?.ApiKeyValue ?? before.keyValue,
    modifiedAt: desk.core.clock.now(),
  }
  desk.bus.connections.set(Name, connection)
  return connectionSummary(connection, 'AUTHORIZED')
}

export function deleteConnection(desk: Desk, { Name }: Input<'DeleteConnection'>): JsonObject {
  mustAllow(desk, 'events:DeleteConnection', connectionArn(desk, Name))
  mustAllowSecret(desk, 'DeleteSecret', Name)
  const connection = connectionOf(desk.bus, Name)
  desk.bus.connections.delete(Name)
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

function checkConnection(desk: Desk, arn: string): void {
  if (byArn(desk.bus.connections, arn) === undefined) notFound(`Connection '${arn}' does not exist.`)
}

export function createApiDestination(desk: Desk, input: Input<'CreateApiDestination'>): JsonObject {
  const { Name } = input
  mustAllow(desk, 'events:CreateApiDestination', destinationArn(desk, Name))
  checkEndpoint(input.InvocationEndpoint)
  checkConnection(desk, input.ConnectionArn)
  if (desk.bus.destinations.has(Name)) exists('ApiDestination', Name)
  const now = desk.core.clock.now()
  const destination: ApiDestination = {
    name: Name,
    arn: `${destinationArn(desk, Name)}/${randomUUID()}`,
    description: input.Description,
    connectionArn: input.ConnectionArn,
    endpoint: input.InvocationEndpoint,
    method: input.HttpMethod,
    rateLimitPerSecond: input.InvocationRateLimitPerSecond,
    createdAt: now,
    modifiedAt: now,
  }
  desk.bus.destinations.set(Name, destination)
  return destinationSummary(desk, destination)
}

function destinationSummary(desk: Desk, destination: ApiDestination): JsonObject {
  const connected = byArn(desk.bus.connections, destination.connectionArn) !== undefined
  return {
    ApiDestinationArn: destination.arn,
    ApiDestinationState: connected ? 'ACTIVE' : 'INACTIVE',
    CreationTime: destination.createdAt / 1000,
    LastModifiedTime: destination.modifiedAt / 1000,
  }
}

export function describeApiDestination(desk: Desk, { Name }: Input<'DescribeApiDestination'>): JsonObject {
  mustAllow(desk, 'events:DescribeApiDestination', destinationArn(desk, Name))
  const destination = destinationOf(desk.bus, Name)
  return {
    ...destinationSummary(desk, destination),
    Name,
    ...(destination.description === undefined ? {} : { Description: destination.description }),
    ConnectionArn: destination.connectionArn,
    InvocationEndpoint: destination.endpoint,
    HttpMethod: destination.method,
    InvocationRateLimitPerSecond: destination.rateLimitPerSecond,
  }
}

export function updateApiDestination(desk: Desk, input: Input<'UpdateApiDestination'>): JsonObject {
  const { Name } = input
  mustAllow(desk, 'events:UpdateApiDestination', destinationArn(desk, Name))
  const before = destinationOf(desk.bus, Name)
  if (input.InvocationEndpoint !== undefined) checkEndpoint(input.InvocationEndpoint)
  if (input.ConnectionArn !== undefined) checkConnection(desk, input.ConnectionArn)
  const destination: ApiDestination = {
    ...before,
    description: input.Description ?? before.description,
    connectionArn: input.ConnectionArn ?? before.connectionArn,
    endpoint: input.InvocationEndpoint ?? before.endpoint,
    method: input.HttpMethod ?? before.method,
    rateLimitPerSecond: input.InvocationRateLimitPerSecond ?? before.rateLimitPerSecond,
    modifiedAt: desk.core.clock.now(),
  }
  desk.bus.destinations.set(Name, destination)
  return destinationSummary(desk, destination)
}

export function deleteApiDestination(desk: Desk, { Name }: Input<'DeleteApiDestination'>): JsonObject {
  mustAllow(desk, 'events:DeleteApiDestination', destinationArn(desk, Name))
  destinationOf(desk.bus, Name)
  desk.bus.destinations.delete(Name)
  return {}
}
