import type { RegionClients } from '../region-clients.ts'
import { connectionFaults, type FoundConnection, readConnection } from './connection.ts'
import { deadLettersFaults, type FoundQueue, readDeadLetters } from './dead-letters.ts'
import { DEAD_LETTERS, type DesiredState, INVOKE_ROLE, NAME } from './desired-state.ts'
import { destinationFaults, type FoundDestination, readDestination } from './destination.ts'
import { type FoundRule, readRules, ruleFaults } from './event-rule.ts'
import { type FoundInvokeRole, invokeRoleFaults, readInvokeRole } from './invoke-role.ts'

/** What one region of one account holds of the way from CloudTrail to us. */
export interface Found {
  readonly connection: FoundConnection | undefined
  readonly destination: FoundDestination | undefined
  readonly invokeRole: FoundInvokeRole | undefined
  readonly deadLetters: FoundQueue | undefined
  readonly rules: readonly FoundRule[]
}

export type PartKind = 'connection' | 'API destination' | 'role' | 'queue' | 'rule'

/** One part of the wiring, and what setup would do about it. */
export interface Difference {
  readonly kind: PartKind
  readonly name: string
  readonly act: 'keep' | 'create' | 'update' | 'delete'
  /** What is not as setup makes it, as ends of a sentence about the part. */
  readonly why: readonly string[]
}

export async function readWiring(clients: RegionClients): Promise<Found> {
  const [connection, destination, invokeRole, deadLetters, rules] = await Promise.all([
    readConnection(clients),
    readDestination(clients),
    readInvokeRole(clients),
    readDeadLetters(clients),
    readRules(clients),
  ])
  return { connection, destination, invokeRole, deadLetters, rules }
}

/** Every part, in the order in which setup makes them; what is as it should be is `keep`. */
export function compareWiring(wanted: DesiredState, found: Found): readonly Difference[] {
  const { connection, destination, invokeRole, deadLetters } = found
  return [
    differ('connection', NAME, connection && connectionFaults(wanted, connection)),
    differ('API destination', NAME, destination && destinationFaults(wanted, destination, connection?.arn)),
    differ('role', INVOKE_ROLE, invokeRole && invokeRoleFaults(wanted, invokeRole)),
    differ('queue', DEAD_LETTERS, deadLetters && deadLettersFaults(wanted, deadLetters)),
    ...compareRules(wanted, found),
  ]
}

function compareRules({ rules, place }: DesiredState, found: Found): readonly Difference[] {
  const names = new Set(rules.map(({ name }) => name))
  return [
    ...rules.map((rule) => {
      const there = found.rules.find(({ name }) => name === rule.name)
      return differ('rule', rule.name, there && ruleFaults(rule, place, there, found.destination?.arn))
    }),
    ...found.rules.filter(({ name }) => !names.has(name)).map(({ name }) => superfluous(name)),
  ]
}

function differ(kind: PartKind, name: string, faults: readonly string[] | undefined): Difference {
  if (faults === undefined) return { kind, name, act: 'create', why: ['is missing'] }
  return { kind, name, act: faults.length === 0 ? 'keep' : 'update', why: faults }
}

function superfluous(name: string): Difference {
  return { kind: 'rule', name, act: 'delete', why: ['is for nothing that the rules name'] }
}

/** What is not as setup makes it. Empty: everything is. */
export function wiringDrift(wanted: DesiredState, found: Found): readonly Difference[] {
  return compareWiring(wanted, found).filter(({ act }) => act !== 'keep')
}

/** Nothing of it is there: it was never set up, or taken down. */
export function isUnwired({ connection, destination, rules }: Found): boolean {
  return connection === undefined && destination === undefined && rules.length === 0
}

/** @example sayDifference(difference) // "rule latchkey-s3 is DISABLED" */
export function sayDifference({ kind, name, why }: Difference): string {
  return `${kind} ${name} ${why.join(', ')}`
}
