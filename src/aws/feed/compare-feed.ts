import type { RegionClients } from '../region-clients.ts'
import { type ConnectionState, connectionFaults, readConnection } from './connection.ts'
import { deadLettersFaults, type QueueState, readDeadLetters } from './dead-letters.ts'
import { DEAD_LETTERS, type DesiredState, INVOKE_ROLE, NAME } from './desired-state.ts'
import { type DestinationState, destinationFaults, readDestination } from './destination.ts'
import { type RuleState, readRules, ruleFaults } from './event-rule.ts'
import { type InvokeRoleState, invokeRoleFaults, readInvokeRole } from './invoke-role.ts'

/** The wiring that brings CloudTrail records to Latchkey, as AWS has it in one region of one account. */
export interface ActualState {
  readonly connection: ConnectionState | undefined
  readonly destination: DestinationState | undefined
  readonly invokeRole: InvokeRoleState | undefined
  readonly deadLetters: QueueState | undefined
  readonly rules: readonly RuleState[]
}

export type ResourceKind = 'connection' | 'API destination' | 'role' | 'queue' | 'rule'

/** One AWS resource of the wiring, and what setup would do with it. */
export interface Difference {
  readonly kind: ResourceKind
  readonly name: string
  readonly act: 'keep' | 'create' | 'update' | 'delete'
  /** How the resource differs from what setup makes, as ends of a sentence about it. @example ["is DISABLED"] */
  readonly why: readonly string[]
}

export async function readWiring(clients: RegionClients): Promise<ActualState> {
  const [connection, destination, invokeRole, deadLetters, rules] = await Promise.all([
    readConnection(clients),
    readDestination(clients),
    readInvokeRole(clients),
    readDeadLetters(clients),
    readRules(clients),
  ])
  return { connection, destination, invokeRole, deadLetters, rules }
}

/** Every resource, in the order in which setup makes them. One without a difference has `act: 'keep'`. */
export function compareWiring(desired: DesiredState, actual: ActualState): readonly Difference[] {
  const { connection, destination, invokeRole, deadLetters } = actual
  return [
    differ('connection', NAME, connection && connectionFaults(desired, connection)),
    differ('API destination', NAME, destination && destinationFaults(desired, destination, connection?.arn)),
    differ('role', INVOKE_ROLE, invokeRole && invokeRoleFaults(desired, invokeRole)),
    differ('queue', DEAD_LETTERS, deadLetters && deadLettersFaults(desired, deadLetters)),
    ...compareRules(desired, actual),
  ]
}

function compareRules({ rules, feedRegion }: DesiredState, actual: ActualState): readonly Difference[] {
  const names = new Set(rules.map(({ name }) => name))
  return [
    ...rules.map((rule) => {
      const existing = actual.rules.find(({ name }) => name === rule.name)
      return differ('rule', rule.name, existing && ruleFaults(rule, feedRegion, existing, actual.destination?.arn))
    }),
    ...actual.rules.filter(({ name }) => !names.has(name)).map(({ name }) => superfluous(name)),
  ]
}

function differ(kind: ResourceKind, name: string, faults: readonly string[] | undefined): Difference {
  if (faults === undefined) return { kind, name, act: 'create', why: ['is missing'] }
  return { kind, name, act: faults.length === 0 ? 'keep' : 'update', why: faults }
}

function superfluous(name: string): Difference {
  return { kind: 'rule', name, act: 'delete', why: ['is for nothing that the rules name'] }
}

/** The resources that differ from what setup makes; empty: none. */
export function wiringDrift(desired: DesiredState, actual: ActualState): readonly Difference[] {
  return compareWiring(desired, actual).filter(({ act }) => act !== 'keep')
}

/** Whether the region has no connection, destination or rule: setup never ran there, or teardown did. */
export function isUnwired({ connection, destination, rules }: ActualState): boolean {
  return connection === undefined && destination === undefined && rules.length === 0
}

/** @example sayDifference(difference) // "rule latchkey-s3 is DISABLED" */
export function sayDifference({ kind, name, why }: Difference): string {
  return `${kind} ${name} ${why.join(', ')}`
}
