import type { WiringDesk } from '../region-clients.ts'
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
export async function removeWiring(desk: WiringDesk, order: TeardownOrder): Promise<void> {
  const found = await readWiring(desk)
  for (const one of teardownPlan(found, order)) {
    await removePart(desk, one, found)
    order.onDone(one)
  }
}

async function removePart(desk: WiringDesk, { kind, name }: Difference, found: Found): Promise<void> {
  switch (kind) {
    case 'rule': {
      const rule = found.rules.find((one) => one.name === name)
      return rule && (await deleteRule(desk, rule))
    }
    case 'API destination':
      return await deleteDestination(desk)
    case 'connection':
      return await deleteConnection(desk)
    case 'queue':
      return await deleteDeadLetters(desk)
    case 'role':
      return await deleteInvokeRole(desk)
  }
}
