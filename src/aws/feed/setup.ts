import type { RegionClients } from '../region-clients.ts'
import { compareWiring, type Difference, type Found, readWiring } from './compare-feed.ts'
import { putConnection } from './connection.ts'
import { putDeadLetters } from './dead-letters.ts'
import type { DesiredState } from './desired-state.ts'
import { putDestination } from './destination.ts'
import { deleteRule, putRule } from './event-rule.ts'
import { putInvokeRole } from './invoke-role.ts'

export interface SetupOrder {
  readonly wanted: DesiredState
  readonly key: string
  /** Gives the connection the key again, whatever it seems to send. */
  readonly rotate: boolean
  readonly onDone: (difference: Difference) => void
}

/** What setup would do, in that order. */
export function planOf({ wanted, rotate }: Pick<SetupOrder, 'wanted' | 'rotate'>, found: Found): readonly Difference[] {
  return compareWiring(wanted, found).map((one) =>
    rotate && one.kind === 'connection' && one.act === 'keep'
      ? { ...one, act: 'update', why: ['is given the first key of CLOUDTRAIL_KEYS'] }
      : one,
  )
}

/**
 * Makes and mends part by part, each seen from what is there then: whoever was stopped half way begins again and goes on. Nothing is
 * written where everything is as it should be.
 */
export async function applyWiring(clients: RegionClients, order: SetupOrder): Promise<void> {
  let found = await readWiring(clients)
  for (const { kind, name } of planOf(order, found)) {
    // An earlier part may have changed what a later one must be.
    const now = planOf(order, found).find((one) => one.kind === kind && one.name === name)
    if (now === undefined || now.act === 'keep') continue
    await applyPart(clients, order, now, found)
    order.onDone(now)
    found = await readWiring(clients)
  }
}

async function applyPart(
  clients: RegionClients,
  { wanted, key }: SetupOrder,
  one: Difference,
  found: Found,
): Promise<void> {
  switch (one.kind) {
    case 'connection':
      return await putConnection(clients, key)
    case 'API destination':
      return await putDestination(clients, wanted, found.connection?.arn ?? '')
    case 'role':
      return await putInvokeRole(clients, wanted)
    case 'queue':
      return await putDeadLetters(clients, wanted)
    case 'rule':
      return await applyRule(clients, wanted, one, found)
  }
}

async function applyRule(
  clients: RegionClients,
  { rules, place }: DesiredState,
  one: Difference,
  found: Found,
): Promise<void> {
  const there = found.rules.find(({ name }) => name === one.name)
  const wanted = rules.find(({ name }) => name === one.name)
  if (wanted !== undefined)
    return await putRule(clients, { wanted, found: there, place, destinationArn: found.destination?.arn ?? '' })
  if (there !== undefined) await deleteRule(clients, there)
}
