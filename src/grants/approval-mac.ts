import { isMac, makeMac } from '../mac.ts'
import type { Grant, Terms } from './grant.ts'

/** An approval is valid for one hour. An activation attempt that begins later ends the grant instead. */
export const APPROVAL_VALID_MS = 3_600_000

/** The MAC of an approval. Redis never holds its key, so a writer to Redis cannot approve. */
export function signApproval(approvalKey: string, terms: Terms): string {
  return makeMac(approvalKey, 'yes', terms)
}

/** Checks MAC and id. Returns what is wrong with them, for the alarm; undefined: nothing. Only `genuine-grant.ts` calls this. */
export function findForgery(approvalKey: string, grant: Grant): string | undefined {
  if (!isMac(approvalKey, 'yes', grant.terms, grant.mac)) return 'the MAC is not ours'
  if (grant.terms.grantId !== grant.id) return 'the yes belongs to another grant'
  return undefined
}

/** Checks status and end, which the MAC does not cover. Returns what is wrong with them; undefined: nothing. */
export function findEndFault(grant: Grant): string | undefined {
  const isLive = grant.status === 'activating' || grant.status === 'active'
  if (isLive && (grant.end ?? grant.endedAt) !== undefined) return 'the grant had ended already'
  return isEndTooLate(grant) ? 'the end is too late' : undefined
}

export function isEndTooLate({ endsAt, terms }: Grant): boolean {
  return endsAt !== undefined && Date.parse(endsAt) > latestEnd(terms)
}

/** The latest end that the MAC allows, in ms since 1970. No write to Redis can make access last longer. */
export function latestEnd(terms: Terms): number {
  return Date.parse(terms.decidedAt) + APPROVAL_VALID_MS + terms.durationMinutes * 60_000
}
