import { settleAll } from '../../async.ts'
import type { FormerRole } from '../driver.ts'
import { denyId, type SessionPrincipal } from '../principal.ts'
import { readDenyList } from './deny-list.ts'
import type { DenyDeps } from './reconcile-deny-list.ts'

type Deps = Pick<DenyDeps, 'record' | 'driver' | 'approvalKey'>

/**
 * Runs `act` for the elevation roles of one account that the rules named earlier, because their sessions may be alive.
 * The list comes from AWS, because the record may be lost. A failure on one role does not stop the others; its error is
 * thrown afterwards.
 */
export async function eachFormerRole<T>(
  deps: Deps,
  account: string,
  act: (principal: SessionPrincipal) => Promise<T>,
): Promise<readonly T[]> {
  const roles = await deps.driver.formerRoles(account)
  const done = await settleAll(roles, async (role) => ((await wasNamed(deps, role)) ? [await act(role.principal)] : []))
  return done.flat()
}

/**
 * Whether the record has a deny list of the role, or the role carries a Deny document in AWS. A Deny document counts only if the role
 * trusts this process, because another Latchkey in the same account writes such documents too.
 */
async function wasNamed({ record, driver, approvalKey }: Deps, { principal, trustsUs }: FormerRole): Promise<boolean> {
  const { value: known } = await readDenyList(record, approvalKey, denyId(principal))
  if (known?.roleId === principal.roleId) return true
  return trustsUs && (await driver.readDeny(principal)) !== undefined
}
