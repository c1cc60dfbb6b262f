import { each } from '../../async.ts'
import type { FormerRole } from '../driver.ts'
import { denyId, type SessionPrincipal } from '../principal.ts'
import { readDenyRecord } from './deny-list.ts'
import type { DenyNeeds } from './reconcile-deny-list.ts'

type Needs = Pick<DenyNeeds, 'record' | 'driver' | 'approvalKey'>

/**
 * Elevation roles of one account that the rules named once and name no more: sessions may be alive there. AWS is asked which roles there are, because
 * the record may be what was lost. One that fails does not keep the others waiting; then its error is thrown.
 */
export async function eachFormerRole<T>(
  needs: Needs,
  account: string,
  act: (principal: SessionPrincipal) => Promise<T>,
): Promise<readonly T[]> {
  const roles = await needs.driver.formerRoles(account)
  const done = await each(roles, async (role) => ((await wasOurs(needs, role)) ? [await act(role.principal)] : []))
  return done.flat()
}

/**
 * The record knows what was denied there, or AWS holds a Deny document of ours. That alone counts only where this process is let in: another Latchkey in the
 * same account has such documents too.
 */
async function wasOurs({ record, driver, approvalKey }: Needs, { principal, trustsUs }: FormerRole): Promise<boolean> {
  const { value: known } = await readDenyRecord(record, approvalKey, denyId(principal))
  if (known?.roleId === principal.roleId) return true
  return trustsUs && (await driver.readDeny(principal)) !== undefined
}
