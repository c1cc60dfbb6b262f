import { settleAll } from '../../async.ts'
import type { FormerRole } from '../driver.ts'
import { denyId, type SessionPrincipal } from '../principal.ts'
import { readDenyList } from './deny-list.ts'
import type { DenyDeps } from './reconcile-deny-list.ts'

type Deps = Pick<DenyDeps, 'record' | 'driver' | 'approvalKey'>

/**
 * Elevation roles of one account that the rules named once and name no more: sessions may be alive there. AWS is asked which roles there are, because
 * the record may be what was lost. One that fails does not keep the others waiting; then its error is thrown.
 */
export async function eachFormerRole<T>(
  deps: Deps,
  account: string,
  act: (principal: SessionPrincipal) => Promise<T>,
): Promise<readonly T[]> {
  const roles = await deps.driver.formerRoles(account)
  const done = await settleAll(roles, async (role) => ((await wasOurs(deps, role)) ? [await act(role.principal)] : []))
  return done.flat()
}

/**
 * The record knows what was denied there, or AWS holds a Deny document of ours. That alone counts only where this process is let in: another Latchkey in the
 * same account has such documents too.
 */
async function wasOurs({ record, driver, approvalKey }: Deps, { principal, trustsUs }: FormerRole): Promise<boolean> {
  const { value: known } = await readDenyList(record, approvalKey, denyId(principal))
  if (known?.roleId === principal.roleId) return true
  return trustsUs && (await driver.readDeny(principal)) !== undefined
}
