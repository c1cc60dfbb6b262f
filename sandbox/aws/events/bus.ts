import { AwsError } from '../call.ts'
import type { JsonObject } from './json.ts'

/** The rules, targets and destinations that EventBridge holds in one Region. */

export interface Target {
  readonly id: string
  readonly arn: string
  readonly roleArn: string | undefined
  /** EventBridge gives an event up after this many retries. */
  readonly retries: number
  readonly longestAgeSeconds: number
  readonly deadLetterArn: string | undefined
  readonly headers: Readonly<Record<string, string>>
}

export interface Rule {
  readonly name: string
  readonly arn: string
  readonly description: string | undefined
  readonly patternText: string
  readonly pattern: JsonObject
  readonly state: 'ENABLED' | 'DISABLED' | 'ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS'
  readonly targets: ReadonlyMap<string, Target>
  readonly tags: ReadonlyMap<string, string>
}

export interface Connection {
  readonly name: string
  readonly arn: string
  readonly description: string | undefined
  readonly keyName: string
  readonly keyValue: string
  readonly createdAt: number
  readonly modifiedAt: number
}

export interface ApiDestination {
  readonly name: string
  readonly arn: string
  readonly description: string | undefined
  readonly connectionArn: string
  readonly endpoint: string
  readonly method: string
  readonly rateLimitPerSecond: number
  readonly createdAt: number
  readonly modifiedAt: number
}

export interface Bus {
  readonly region: string
  readonly rules: Map<string, Rule>
  readonly connections: Map<string, Connection>
  readonly destinations: Map<string, ApiDestination>
}

export function emptyBus(region: string): Bus {
  return { region, rules: new Map(), connections: new Map(), destinations: new Map() }
}

export function ruleOf(bus: Bus, name: string): Rule {
  return bus.rules.get(name) ?? notFound(`Rule ${name} does not exist on EventBus default.`)
}

export function connectionOf(bus: Bus, name: string): Connection {
  return (
    bus.connections.get(name) ?? notFound(`Failed to describe the connection(s). Connection '${name}' does not exist.`)
  )
}

export function destinationOf(bus: Bus, name: string): ApiDestination {
  return (
    bus.destinations.get(name) ??
    notFound(`Failed to describe the api-destination(s). An api-destination '${name}' does not exist.`)
  )
}

export function notFound(message: string): never {
  throw new AwsError('ResourceNotFoundException', 400, message)
}

export function byArn<Held extends { readonly arn: string }>(
  held: ReadonlyMap<string, Held>,
  arn: string,
): Held | undefined {
  return [...held.values()].find((one) => one.arn === arn)
}
