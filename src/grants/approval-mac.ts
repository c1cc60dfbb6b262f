import { isMac, macOf } from '../mac.ts'
import type { Grant, Terms } from './grant.ts'

/** A yes is void one hour after it was given, if AWS could not be asked until then. */
export const APPROVAL_VALID_MS = 3_600_000

/** MAC of the yes, by a key that Redis never holds: whoever can write to Redis still cannot say yes. */
export function signApproval(approvalKey: string, terms: Terms): string {
  return macOf(approvalKey, 'yes', terms)
}

/** Undefined when the yes adds up, otherwise what is wrong, for the alarm. */
export function findApprovalFault(approvalKey: string, recordId: string, grant: Grant): string | undefined {
  if (!isMac(signApproval(approvalKey, grant.terms), grant.mac)) return 'the MAC is not ours'
  if (grant.id !== recordId || grant.terms.grantId !== recordId) return 'the yes belongs to another grant'
  const isLive = grant.status === 'activating' || grant.status === 'active'
  if (isLive && (grant.end ?? grant.endedAt) !== undefined) return 'the grant had ended already'
  if (grant.endsAt !== undefined && Date.parse(grant.endsAt) > latestEnd(grant.terms)) return 'the end is too late'
  return undefined
}

/** No access of this yes can be alive later, whatever anybody writes into the record. */
export function latestEnd(terms: Terms): number {
  return Date.parse(terms.decidedAt) + APPROVAL_VALID_MS + terms.durationMinutes * 60_000
}
