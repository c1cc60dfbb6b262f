import type { Credentials } from '../driver.ts'
import type { GenuineGrant } from '../genuine-grant.ts'
import type { Grant } from '../grant.ts'
import type { Principal } from '../principal.ts'

/** The AWS CLI renews credentials 15 minutes before they expire, and before every call in the last 10 minutes. */
const MIN_REMAINING_MS = 15 * 60_000
const MOST_GRANTS = 10_000
/** Expired entries are dropped at most this often. Checking all entries at each vend would slow down many vends. */
const DROP_EVERY_MS = 10_000

/** The grant and the cut under which credentials were vended. */
export interface VendedUnder {
  readonly stored: GenuineGrant
  /** The role refuses sessions that were issued before this time, ms since 1970. */
  readonly cutMs: number
}

/**
 * Credentials that this process has vended. They exist in its memory only. The cache checks no rights: a caller must
 * first check that the grant is active and belongs to the requester.
 */
export interface CredentialsCache {
  /** A hint for prefetching: the principal of the last vend. Never authoritative. */
  principalOf(grantId: string): Principal | undefined
  /** Undefined: there are none, or they expire soon and new ones would last longer. */
  find(under: VendedUnder, nowMs: number): Credentials | undefined
  keep(under: VendedUnder, credentials: Credentials, nowMs: number): void
  forget(grantId: string): void
}

interface Kept extends VendedUnder {
  readonly credentials: Credentials
}

export function makeCredentialsCache(): CredentialsCache {
  const kept = new Map<string, Kept>()
  let droppedAtMs = 0

  function dropExpired(nowMs: number): void {
    if (Math.abs(nowMs - droppedAtMs) >= DROP_EVERY_MS) {
      droppedAtMs = nowMs
      for (const [id, { credentials }] of kept) if (Date.parse(credentials.expiresAt) <= nowMs) kept.delete(id)
    }
    for (const oldest of kept.keys()) {
      if (kept.size <= MOST_GRANTS) return
      kept.delete(oldest)
    }
  }

  return {
    principalOf: (grantId) => kept.get(grantId)?.stored.grant.terms.principal,
    find(under, nowMs) {
      const { grant } = under.stored
      const one = kept.get(grant.id)
      return one && isSame(one, under) && lastsLongEnough(one.credentials, grant, nowMs) ? one.credentials : undefined
    },
    keep(under, credentials, nowMs) {
      const { id } = under.stored.grant
      kept.delete(id)
      kept.set(id, { ...under, credentials })
      dropExpired(nowMs)
    },
    forget: (grantId) => void kept.delete(grantId),
  }
}

/**
 * The MAC covers person, role, scopes and levels, so an equal MAC means the same approval. A new cut would have ended
 * the session.
 */
function isSame(one: VendedUnder, { stored, cutMs }: VendedUnder): boolean {
  return one.stored.grant.mac === stored.grant.mac && one.cutMs === cutMs
}

/** Credentials that last until the end of the grant are kept, because new ones would not last longer. */
function lastsLongEnough({ expiresAt }: Credentials, { endsAt = '' }: Grant, nowMs: number): boolean {
  const endMs = Date.parse(expiresAt)
  return endMs > nowMs && (endMs - nowMs > MIN_REMAINING_MS || endMs >= Date.parse(endsAt))
}
