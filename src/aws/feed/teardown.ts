import type { RegionClients } from '../region-clients.ts'
import { type ActualState, type Difference, type ResourceKind, readWiring } from './compare-feed.ts'
import { deleteConnection } from './connection.ts'
import { deleteDeadLetters } from './dead-letters.ts'
import { DEAD_LETTERS, INVOKE_ROLE, NAME } from './desired-state.ts'
import { deleteDestination } from './destination.ts'
import { deleteRule } from './event-rule.ts'
import { deleteInvokeRole } from './invoke-role.ts'

export interface TeardownOrder {
  /** Delete the role too. It serves the whole account, so only the last region's teardown deletes it. */
  readonly withRole: boolean
  readonly onDone: (difference: Difference) => void
}

/** The existing resources, in the order in which AWS lets them be deleted. */
export function teardownPlan(
  actual: ActualState,
  { withRole }: Pick<TeardownOrder, 'withRole'>,
): readonly Difference[] {
  return [
    ...actual.rules.map(({ name }) => deletion('rule', name)),
    ...(actual.destination === undefined ? [] : [deletion('API destination', NAME)]),
    ...(actual.connection === undefined || actual.connection.state === 'DELETING'
      ? []
      : [deletion('connection', NAME)]),
    ...(actual.deadLetters === undefined ? [] : [queueDeletion(actual.deadLetters.messages)]),
    ...(withRole && actual.invokeRole !== undefined ? [deletion('role', INVOKE_ROLE)] : []),
  ]
}

function deletion(kind: ResourceKind, name: string): Difference {
  return { kind, name, act: 'delete', why: [] }
}

function queueDeletion(messages: number): Difference {
  const why = messages === 0 ? [] : [`holds ${messages} undelivered events, which go with it`]
  return { ...deletion('queue', DEAD_LETTERS), why }
}

/** Deletes the existing resources. One that is already gone is no error. */
export async function removeWiring(clients: RegionClients, order: TeardownOrder): Promise<void> {
  const actual = await readWiring(clients)
  for (const one of teardownPlan(actual, order)) {
    await removeResource(clients, one, actual)
    order.onDone(one)
  }
}

async function removeResource(clients: RegionClients, { kind, name }: Difference, actual: ActualState): Promise<void> {
  switch (kind) {
    case 'rule': {
      const rule = actual.rules.find((one) => one.name === name)
      return rule && (await deleteRule(clients, rule))
    }
    case 'API destination':
      return await deleteDestination(clients)
    case 'connection':
      return await deleteConnection(clients)
    case 'queue':
      return await deleteDeadLetters(clients)
    case 'role':
      return await deleteInvokeRole(clients)
  }
}
