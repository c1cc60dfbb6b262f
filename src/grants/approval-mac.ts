import { isMac, macOf } from '../mac.ts'
import type { Grant, Terms } from './grant.ts'

/** A yes is void one hour after it was given, if AWS could not be asked until then. */
export const APPROVAL_VALID_MS = 3_600_000

/** MAC of the yes, by a key that Redis never holds: whoever can write to Redis still cannot say yes. */
export function signApproval(approvalKey: string, terms: Terms): string {
  return macOf(approvalKey, 'yes', terms)
}

/** Undefined: MAC and id are ours. Otherwise what is wrong, for the alarm. `genuine-grant.ts` asks; nobody else needs to. */
export function findForgery(approvalKey: string, grant: Grant): string | undefined {
  if (!isMac(signApproval(approvalKey, grant.terms), grant.mac)) return 'the MAC is not ours'
  if (grant.terms.grantId !== grant.id) return 'the yes belongs to another grant'
  return undefined
}

/** Status and end are not under the MAC. Undefined: they are possible. Otherwise what is wrong, for the alarm. */
export function findEndFault(grant: Grant): string | undefined {
  const isLive = grant.status === 'activating' || grant.status === 'active'
  if (isLive && (grant.end ?? grant.endedAt) !== undefined) return 'the grant had ended already'
  return isEndTooLate(grant) ? 'the end is too late' : undefined
}

export function isEndTooLate({ endsAt, terms }: Grant): boolean {
  return endsAt !== undefined && Date.parse(endsAt) > latestEnd(terms)
}

/** No access of this yes can be alive later, whatever anybody writes into the record. */
export function latestEnd(terms: Terms): number {
  return Date.parse(terms.decidedAt) + APPROVAL_VALID_MS + terms.durationMinutes * 60_000
}
