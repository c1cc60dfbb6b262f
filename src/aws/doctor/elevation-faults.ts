import { elevationRoles } from '../../rules/principal-rules.ts'
import type { Account } from '../../rules/rules.ts'
import { readManagedPolicy, readRole } from '../elevation-role.ts'
import { boundaryFaults, trustFaults } from '../inspect/elevation-role-policies.ts'
import { askFor, orAbsent, type RegionClients } from '../region-clients.ts'

export interface RoleFaults {
  readonly role: string
  /** Sentences; none: as Latchkey demands. */
  readonly faults: readonly string[]
}

/** Each elevation role of an account as preflight looks at it, seen by an administrator. @param ours Whom they let in. */
export async function elevationFaults(
  clients: RegionClients,
  account: Account,
  ours: readonly string[],
): Promise<readonly RoleFaults[]> {
  return await Promise.all(
    elevationRoles(account).map(async (role) => ({ role, faults: await faultsOf(clients, account, { role, ours }) })),
  )
}

async function faultsOf(
  clients: RegionClients,
  account: Account,
  { role, ours }: { readonly role: string; readonly ours: readonly string[] },
): Promise<readonly string[]> {
  const found = await orAbsent(askFor(clients, `to show the role ${role}`, () => readRole(clients.iam, account, role)))
  if (found === undefined) return ['There is no such role.']
  const trust =
    ours.length === 0
      ? ['The trust policy lets nobody in.']
      : ours.flatMap((us) => trustFaults(found.trust, us, account.hub?.externalId))
  if (found.boundaryArn === undefined) return ['The role has no permissions boundary.', ...new Set(trust)]
  const arn = found.boundaryArn
  const boundary = await askFor(clients, `to show the boundary of ${role}`, () => readManagedPolicy(clients.iam, arn))
  return [...boundaryFaults(boundary), ...new Set(trust)]
}
