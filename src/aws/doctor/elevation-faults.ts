import { elevationRoles } from '../../rules/principal-rules.ts'
import type { Account } from '../../rules/rules.ts'
import { readManagedPolicy, readRole } from '../elevation-role.ts'
import { boundaryFaults, trustFaults } from '../inspect/elevation-role-policies.ts'
import { askFor, orAbsent, type RegionClients } from '../region-clients.ts'

export interface RoleFaults {
  readonly role: string
  /** Sentences; empty: the role is as Latchkey demands. */
  readonly faults: readonly string[]
}

/**
 * The same checks as in preflight, for every elevation role of an account, with an administrator's rights.
 * @param latchkeyArns Latchkey's own identities, which the trust policies must let in.
 */
export async function elevationFaults(
  clients: RegionClients,
  account: Account,
  latchkeyArns: readonly string[],
): Promise<readonly RoleFaults[]> {
  return await Promise.all(
    elevationRoles(account).map(async (role) => ({
      role,
      faults: await faultsOf(clients, account, { role, latchkeyArns }),
    })),
  )
}

async function faultsOf(
  clients: RegionClients,
  account: Account,
  { role, latchkeyArns }: { readonly role: string; readonly latchkeyArns: readonly string[] },
): Promise<readonly string[]> {
  const elevationRole = await orAbsent(
    askFor(clients, `to show the role ${role}`, () => readRole(clients.iam, account, role)),
  )
  if (elevationRole === undefined) return ['There is no such role.']
  const trust =
    latchkeyArns.length === 0
      ? ['The trust policy lets nobody in.']
      : latchkeyArns.flatMap((latchkeyArn) => trustFaults(elevationRole.trust, latchkeyArn, account.hub?.externalId))
  if (elevationRole.boundaryArn === undefined) return ['The role has no permissions boundary.', ...new Set(trust)]
  const arn = elevationRole.boundaryArn
  const boundary = await askFor(clients, `to show the boundary of ${role}`, () => readManagedPolicy(clients.iam, arn))
  return [...boundaryFaults(boundary), ...new Set(trust)]
}
