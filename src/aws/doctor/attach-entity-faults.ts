import type { HolderRow } from '../../rules/rules.ts'
import { findHolderFaults, readHolder, unwritable } from '../attach/read-iam-entity.ts'
import { askFor, orAbsent, type WiringDesk } from '../region-clients.ts'

export interface HolderFaults {
  /** @example "role analyst" */
  readonly holder: string
  /** Sentences; none: as Latchkey demands. */
  readonly faults: readonly string[]
}

/** Each role and user that the rules name as `principals` of an account, as an ask looks at it, seen by an administrator. */
export async function holderFaults(
  desk: WiringDesk,
  account: string,
  rows: readonly HolderRow[],
): Promise<readonly HolderFaults[]> {
  const holders = new Map(rows.map(({ kind, name }) => [`${kind} ${name}`, { account, kind, name }]))
  return await Promise.all(
    [...holders].map(async ([holder, target]) => {
      const never = unwritable(target)
      if (never !== undefined) return { holder, faults: [never] }
      const found = await orAbsent(askFor(desk, `to show the ${holder}`, () => readHolder(desk.iam, target)))
      if (found === undefined) return { holder, faults: [`There is no such ${target.kind}.`] }
      const compare = () => findHolderFaults(desk.iam, target, found)
      return { holder, faults: await askFor(desk, `to show the boundary of ${holder}`, compare) }
    }),
  )
}
