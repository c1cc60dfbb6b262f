import type { RegionClients } from '../region-clients.ts'
import { type ActualState, compareWiring, type Difference, readWiring } from './compare-feed.ts'
import { putConnection } from './connection.ts'
import { putDeadLetters } from './dead-letters.ts'
import type { DesiredState } from './desired-state.ts'
import { putDestination } from './destination.ts'
import { deleteRule, putRule } from './event-rule.ts'
import { putInvokeRole } from './invoke-role.ts'

export interface SetupOrder {
  readonly desired: DesiredState
  readonly key: string
  /** Set the connection's key even when its fingerprint is already right. */
  readonly rotate: boolean
  /** Called after each change. */
  readonly onDone: (difference: Difference) => void
}

/** What setup would do, in order. */
export function planOf(
  { desired, rotate }: Pick<SetupOrder, 'desired' | 'rotate'>,
  actual: ActualState,
): readonly Difference[] {
  return compareWiring(desired, actual).map((one) =>
    rotate && one.kind === 'connection' && one.act === 'keep'
      ? { ...one, act: 'update', why: ['is given the first key of CLOUDTRAIL_KEYS'] }
      : one,
  )
}

/**
 * Creates and corrects one resource after the other, and reads AWS again after each. So a run that stopped half way can
 * be repeated, and resources without a difference are not written.
 */
export async function applyWiring(clients: RegionClients, order: SetupOrder): Promise<void> {
  let actual = await readWiring(clients)
  for (const { kind, name } of planOf(order, actual)) {
    // A change of one resource may change what a later one must be, as the ARN of a new connection does.
    const current = planOf(order, actual).find((one) => one.kind === kind && one.name === name)
    if (current === undefined || current.act === 'keep') continue
    await applyDifference(clients, order, current, actual)
    order.onDone(current)
    actual = await readWiring(clients)
  }
}

async function applyDifference(
  clients: RegionClients,
  { desired, key }: SetupOrder,
  one: Difference,
  actual: ActualState,
): Promise<void> {
  switch (one.kind) {
    case 'connection':
      return await putConnection(clients, key)
    case 'API destination':
      return await putDestination(clients, desired, actual.connection?.arn ?? '')
    case 'role':
      return await putInvokeRole(clients, desired)
    case 'queue':
      return await putDeadLetters(clients, desired)
    case 'rule':
      return await applyRule(clients, desired, one, actual)
  }
}

async function applyRule(
  clients: RegionClients,
  { rules, feedRegion }: DesiredState,
  one: Difference,
  actual: ActualState,
): Promise<void> {
  const existing = actual.rules.find(({ name }) => name === one.name)
  const desired = rules.find(({ name }) => name === one.name)
  if (desired !== undefined)
    return await putRule(clients, { desired, existing, feedRegion, destinationArn: actual.destination?.arn ?? '' })
  if (existing !== undefined) await deleteRule(clients, existing)
}
