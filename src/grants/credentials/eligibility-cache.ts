/** As many grants as one process vends for at a time, and far more. */
const MOST_GRANTS = 10_000

/** When this process last read that a grant's requester may still have it. Redis is not trusted to say that, and a restart only asks again. */
export interface EligibilityCache {
  /** Undefined: never, or too long ago to be remembered. */
  ageMs(grantId: string): number | undefined
  seen(grantId: string): void
}

/** By a clock of this process that nobody sets. */
export function eligibilityCache(nowMs: () => number = () => performance.now()): EligibilityCache {
  const seenAt = new Map<string, number>()
  return {
    ageMs(grantId) {
      const at = seenAt.get(grantId)
      return at === undefined ? undefined : nowMs() - at
    },
    seen(grantId) {
      // Put last again: what goes first is what was read longest ago.
      seenAt.delete(grantId)
      seenAt.set(grantId, nowMs())
      for (const oldest of seenAt.keys()) {
        if (seenAt.size <= MOST_GRANTS) return
        seenAt.delete(oldest)
      }
    },
  }
}
