/** Far more grants than one process vends for at a time. */
const MOST_GRANTS = 10_000

/**
 * When this process last read that the requester of a grant is still eligible. It is not stored in Redis, which is not
 * trusted with it. After a restart the directory is asked again.
 */
export interface EligibilityCache {
  /** In ms. Undefined: never read, or dropped from the cache. */
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
      // Deleting first moves the entry to the end of the map, so the oldest entry is dropped first.
      seenAt.delete(grantId)
      seenAt.set(grantId, nowMs())
      for (const oldest of seenAt.keys()) {
        if (seenAt.size <= MOST_GRANTS) return
        seenAt.delete(oldest)
      }
    },
  }
}
