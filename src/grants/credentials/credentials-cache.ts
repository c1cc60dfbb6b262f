import type { Credentials } from '../driver.ts'
import type { GenuineGrant } from '../genuine-grant.ts'
import type { Grant } from '../grant.ts'
import type { Principal } from '../principal.ts'

/** The AWS CLI asks again fifteen minutes before an expiration, and before every call in the last ten. */
const WORTH_MS = 15 * 60_000
const MOST_GRANTS = 10_000
/** Looking through all of them at each vend would make many vends slow. */
const LOOK_EVERY_MS = 10_000

/** What was read when credentials were vended. */
export interface VendedUnder {
  readonly stored: GenuineGrant
  /** Sessions issued before that are refused by their role, ms since 1970. */
  readonly cutMs: number
}

/**
 * Credentials that this process has vended, in its memory alone. It gives no right: whoever asks it has read the grant, and found it active and
 * its own, just before.
 */
export interface CredentialsCache {
  /** Of what was vended last: where to look, never what is so. */
  principalOf(grantId: string): Principal | undefined
  /** Undefined: none, or new ones would last longer. */
  find(under: VendedUnder, nowMs: number): Credentials | undefined
  keep(under: VendedUnder, credentials: Credentials, nowMs: number): void
  forget(grantId: string): void
}

interface Kept extends VendedUnder {
  readonly credentials: Credentials
}

export function makeCredentialsCache(): CredentialsCache {
  const kept = new Map<string, Kept>()
  let lookedAtMs = 0

  function dropOver(nowMs: number): void {
    if (Math.abs(nowMs - lookedAtMs) >= LOOK_EVERY_MS) {
      lookedAtMs = nowMs
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
      return one && isSame(one, under) && isWorth(one.credentials, grant, nowMs) ? one.credentials : undefined
    },
    keep(under, credentials, nowMs) {
      const { id } = under.stored.grant
      kept.delete(id)
      kept.set(id, { ...under, credentials })
      dropOver(nowMs)
    },
    forget: (grantId) => void kept.delete(grantId),
  }
}

/** The same yes, which covers person, role, scope and level; and no cut since, which would have ended the session. */
function isSame(one: VendedUnder, { stored, cutMs }: VendedUnder): boolean {
  return one.stored.grant.mac === stored.grant.mac && one.cutMs === cutMs
}

/** What lasts as long as the grant cannot be bettered. */
function isWorth({ expiresAt }: Credentials, { endsAt = '' }: Grant, nowMs: number): boolean {
  const endMs = Date.parse(expiresAt)
  return endMs > nowMs && (endMs - nowMs > WORTH_MS || endMs >= Date.parse(endsAt))
}
