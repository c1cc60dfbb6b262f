import pLimit from 'p-limit'

/**
 * Runs `act` on all items, `atOnce` at a time. A failure does not stop the others.
 * @throws the first failure, once all have settled
 */
export async function settleAll<T, R>(
  all: readonly T[],
  act: (one: T) => Promise<R>,
  atOnce = Number.POSITIVE_INFINITY,
): Promise<readonly R[]> {
  const limit = pLimit(atOnce)
  const outcomes = await Promise.allSettled(all.map((one) => limit(act, one)))
  return outcomes.map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason
    return outcome.value
  })
}

/** Caches an answer while it is fresh. Concurrent callers share one call of `ask`, and a failure is not cached. */
export function remember<T>(ask: () => Promise<T>, isFresh: (answer: T) => boolean = () => true): () => Promise<T> {
  let kept: Promise<T> | undefined

  function renew(): Promise<T> {
    const asked = ask().catch((error: unknown) => {
      if (kept === asked) kept = undefined
      throw error
    })
    kept = asked
    return asked
  }

  return async () => {
    const known = kept
    if (known === undefined) return await renew()
    const answer = await known
    if (isFresh(answer)) return answer
    // Another caller may have renewed the stale answer meanwhile.
    return await (kept !== undefined && kept !== known ? kept : renew())
  }
}

/** @returns `full` if the limit of that key is reached; `act` did not run */
export type RunIfRoom = <T>(key: string, act: () => Promise<T>) => Promise<T | 'full'>

/** Limits concurrent runs by key. Unlike p-limit, it refuses a run beyond the limit and does not queue it. */
export function runIfRoom(most: number): RunIfRoom {
  const counts = new Map<string, number>()
  return async (key, act) => {
    const before = counts.get(key) ?? 0
    if (before >= most) return 'full'
    counts.set(key, before + 1)
    try {
      return await act()
    } finally {
      const left = (counts.get(key) ?? 1) - 1
      if (left > 0) counts.set(key, left)
      else counts.delete(key)
    }
  }
}
