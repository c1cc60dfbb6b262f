import type { RegionClients } from '../region-clients.ts'
import { type Difference, type Found, type PartKind, readWiring } from './compare-feed.ts'
import { deleteConnection } from './connection.ts'
import { deleteDeadLetters } from './dead-letters.ts'
import { DEAD_LETTERS, INVOKE_ROLE, NAME } from './desired-state.ts'
import { deleteDestination } from './destination.ts'
import { deleteRule } from './event-rule.ts'
import { deleteInvokeRole } from './invoke-role.ts'

export interface TeardownOrder {
  /** The role is of the whole account: it goes with the last region. */
  readonly withRole: boolean
  readonly onDone: (difference: Difference) => void
}

/** What is there of ours, in the order in which it can go. */
export function teardownPlan(found: Found, { withRole }: Pick<TeardownOrder, 'withRole'>): readonly Difference[] {
  return [
    ...found.rules.map(({ name }) => gone('rule', name)),
    ...(found.destination === undefined ? [] : [gone('API destination', NAME)]),
    ...(found.connection === undefined || found.connection.state === 'DELETING' ? [] : [gone('connection', NAME)]),
    ...(found.deadLetters === undefined ? [] : [goneQueue(found.deadLetters.messages)]),
    ...(withRole && found.invokeRole !== undefined ? [gone('role', INVOKE_ROLE)] : []),
  ]
}

function gone(kind: PartKind, name: string): Difference {
  return { kind, name, act: 'delete', why: [] }
}

function goneQueue(messages: number): Difference {
  const why = messages === 0 ? [] : [`holds ${messages} undelivered events, which go with it`]
  return { ...gone('queue', DEAD_LETTERS), why }
}

/** Takes down whatever is there; what is gone already is passed over. */
export async function removeWiring(clients: RegionClients, order: TeardownOrder): Promise<void> {
  const found = await readWiring(clients)
  for (const one of teardownPlan(found, order)) {
    await removePart(clients, one, found)
    order.onDone(one)
  }
}

async function removePart(clients: RegionClients, { kind, name }: Difference, found: Found): Promise<void> {
  switch (kind) {
    case 'rule': {
      const rule = found.rules.find((one) => one.name === name)
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
