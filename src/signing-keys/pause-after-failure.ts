/**
 * After a failure the authority is not asked for this time. It is longer than a burst of calls, and not longer than the
 * start's own wait.
 */
const PAUSE_MS = 2_000

class Paused extends Error {
  override readonly name = 'Paused'
}

/**
 * Limits questions to an authority while it fails. Unknown callers can make us ask it for its keys and addresses, and
 * they may be many.
 */
export interface Pause {
  /**
   * Call before each question.
   * @throws Error within 2 s after a failure
   */
  check(): void
  failed(error: unknown): void
}

export function pauseAfterFailure(authority: string): Pause {
  let untilMs = 0
  return {
    check() {
      if (performance.now() < untilMs) throw new Paused(`${authority} failed a moment ago, and is not asked again yet.`)
    },
    failed(error) {
      // An error of `check` itself must not make the pause longer.
      if (!(error instanceof Paused)) untilMs = performance.now() + PAUSE_MS
    },
  }
}
