import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Grant, Terms } from './grant.ts'

/** A yes is void one hour after it was given, if AWS could not be asked until then. */
export const YES_LASTS_MS = 3_600_000

/** MAC of the yes, by a key that Redis never holds: whoever can write to Redis still cannot say yes. */
export function signYes(approvalKey: string, terms: Terms): string {
  return macOf(approvalKey, 'yes', terms)
}

/** `purpose` keeps a MAC from being moved to where it was not meant. */
export function macOf(approvalKey: string, purpose: 'ask' | 'yes' | 'deny' | 'notice', value: object): string {
  return createHmac('sha256', approvalKey)
    .update(`${purpose}\n${canonical(value)}`)
    .digest('base64url')
}

export function isMac(expected: string, found: string): boolean {
  const [a, b] = [Buffer.from(expected), Buffer.from(found)]
  return a.length === b.length && timingSafeEqual(a, b)
}

/** Undefined when the yes adds up, otherwise what is wrong, for the alarm. */
export function findYesFault(approvalKey: string, recordId: string, grant: Grant): string | undefined {
  if (!isMac(signYes(approvalKey, grant.terms), grant.mac)) return 'the MAC is not ours'
  if (grant.id !== recordId || grant.terms.grantId !== recordId) return 'the yes belongs to another grant'
  const isLive = grant.status === 'activating' || grant.status === 'active'
  if (isLive && (grant.end ?? grant.endedAt) !== undefined) return 'the grant had ended already'
  if (grant.endsAt !== undefined && Date.parse(grant.endsAt) > latestEnd(grant.terms)) return 'the end is too late'
  return undefined
}

/** No access of this yes can be alive later, whatever anybody writes into the record. */
export function latestEnd(terms: Terms): number {
  return Date.parse(terms.decidedAt) + YES_LASTS_MS + terms.durationMinutes * 60_000
}

/** One text for one meaning: keys sorted at every depth. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}
