/** The sandbox's clock, for `Date` headers, `aws:CurrentTime` and every expiry. It starts at real time and keeps running. */
export interface SandboxClock {
  /** Milliseconds since 1970. */
  now(): number
  advance(ms: number): void
}

export interface AwsClock extends SandboxClock {
  /** From now on the clock differs from the machine's clock by `ms`, which may be negative. 0 removes the difference. */
  skew(ms: number): void
}

export function sandboxClock(): AwsClock {
  let aheadMs = 0
  let skewMs = 0
  return {
    now: () => Date.now() + aheadMs + skewMs,
    advance(ms) {
      if (!(ms >= 0)) throw new RangeError(`The sandbox's clock only goes forward, not by ${ms} ms`)
      aheadMs += ms
    },
    skew(ms) {
      skewMs = ms
    },
  }
}

/** ISO 8601 in whole seconds, the format of times in IAM and STS. */
export function isoSeconds(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`
}
