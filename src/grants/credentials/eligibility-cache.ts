/** Far more grants than one process vends for at a time. */
const MOST_GRANTS = 10_000

/**
 * When this process last read that the requester of a grant is still eligible. The time is kept in memory only, because
 * a writer to Redis could forge it. After a restart the directory is asked again.
 */
export interface EligibilityCache {
  /** How long ago that was, in ms. Undefined: never read, or dropped from the cache. */
  ageMs(grantId: string): number | undefined
  seen(grantId: string): void
}

/** The default clock is monotonic, so a clock step does not change the ages. */
export function eligibilityCache(nowMs: () => number = () => performance.now()): EligibilityCache {
  const seenAt = new Map<string, number>()
  return {
    ageMs(grantId) {
      const at = seenAt.get(grantId)
      return at === undefined ? undefined : nowMs() - at
    },
    seen(grantId) {
      // The entry is deleted before it is set, which moves it to the end of the map. So the loop drops the oldest
      // entries.
      seenAt.delete(grantId)
      seenAt.set(grantId, nowMs())
      for (const oldest of seenAt.keys()) {
        if (seenAt.size <= MOST_GRANTS) return
        seenAt.delete(oldest)
      }
    },
  }
}
