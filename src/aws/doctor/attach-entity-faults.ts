import type { PrincipalRule } from '../../rules/rules.ts'
import { findEntityFaults, readIamEntity, unwritableReason } from '../attach/read-iam-entity.ts'
import { askFor, orAbsent, type RegionClients } from '../region-clients.ts'

export interface EntityFaults {
  /** @example "role analyst" */
  readonly entity: string
  /** Sentences; empty: the entity is as Latchkey demands. */
  readonly faults: readonly string[]
}

/**
 * The same checks as in preflight, for every role and user under `principals` of an account, with an administrator's
 * rights.
 */
export async function entityFaults(
  clients: RegionClients,
  account: string,
  rows: readonly PrincipalRule[],
): Promise<readonly EntityFaults[]> {
  const entities = new Map(rows.map(({ kind, name }) => [`${kind} ${name}`, { account, kind, name }]))
  return await Promise.all(
    [...entities].map(async ([label, entity]) => {
      const reason = unwritableReason(entity)
      if (reason !== undefined) return { entity: label, faults: [reason] }
      const details = await orAbsent(askFor(clients, `to show the ${label}`, () => readIamEntity(clients.iam, entity)))
      if (details === undefined) return { entity: label, faults: [`There is no such ${entity.kind}.`] }
      const compare = () => findEntityFaults(clients.iam, entity, details)
      return { entity: label, faults: await askFor(clients, `to show the boundary of ${label}`, compare) }
    }),
  )
}
