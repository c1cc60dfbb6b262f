/** Longer than any burst, and no longer than the start waits before it tries again. */
const PAUSE_MS = 2_000

class AskedJustNow extends Error {
  override readonly name = 'AskedJustNow'
}

/** Strangers can make us ask an authority for its keys and addresses: while it fails, only once in a while, however many of them come. */
export interface Pause {
  /** Before each question. */
  check(): void
  failed(error: unknown): void
}

export function pauseAfterFailure(authority: string): Pause {
  let untilMs = 0
  return {
    check() {
      if (performance.now() < untilMs)
        throw new AskedJustNow(`${authority} failed a moment ago, and is not asked again yet.`)
    },
    failed(error) {
      // Whoever only met the pause does not make it longer.
      if (!(error instanceof AskedJustNow)) untilMs = performance.now() + PAUSE_MS
    },
  }
}
