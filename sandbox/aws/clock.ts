/** The sandbox's own clock: of `Date` headers, `aws:CurrentTime` and everything that ends. Starts at real time and keeps running. */
export interface SandboxClock {
  /** Milliseconds since the epoch. */
  now(): number
  advance(ms: number): void
}

export interface AwsClock extends SandboxClock {
  /** AWS's clock is this much off from ours from now on, back or forth; 0: right again. */
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

/** ISO 8601 in whole seconds, as IAM and STS write times. */
export function isoSeconds(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`
}
