import type { PrincipalRule } from '../../rules/rules.ts'
import { findEntityFaults, readIamEntity, unwritable } from '../attach/read-iam-entity.ts'
import { askFor, orAbsent, type RegionClients } from '../region-clients.ts'

export interface EntityFaults {
  /** @example "role analyst" */
  readonly entity: string
  /** Sentences; none: as Latchkey demands. */
  readonly faults: readonly string[]
}

/** Each role and user that the rules name as `principals` of an account, as an ask looks at it, seen by an administrator. */
export async function entityFaults(
  clients: RegionClients,
  account: string,
  rows: readonly PrincipalRule[],
): Promise<readonly EntityFaults[]> {
  const holders = new Map(rows.map(({ kind, name }) => [`${kind} ${name}`, { account, kind, name }]))
  return await Promise.all(
    [...holders].map(async ([entity, target]) => {
      const never = unwritable(target)
      if (never !== undefined) return { entity, faults: [never] }
      const found = await orAbsent(askFor(clients, `to show the ${entity}`, () => readIamEntity(clients.iam, target)))
      if (found === undefined) return { entity, faults: [`There is no such ${target.kind}.`] }
      const compare = () => findEntityFaults(clients.iam, target, found)
      return { entity, faults: await askFor(clients, `to show the boundary of ${entity}`, compare) }
    }),
  )
}
