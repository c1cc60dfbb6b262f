import pLimit from 'p-limit'

/** Acts on all, `atOnce` at a time. One that fails does not keep the others from being acted on; then its error is thrown. */
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

/** Asks once: concurrent callers share the answer, and it is kept while it is fresh. A failure is not kept. */
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
    // Another caller who found the same may have renewed it meanwhile.
    return await (kept !== undefined && kept !== known ? kept : renew())
  }
}

/** @returns `full`: of that key as many are under way as may be, and `act` did not run. */
export type RunIfRoom = <T>(key: string, act: () => Promise<T>) => Promise<T | 'full'>

/** Refuses, where a limiter would let wait. */
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
