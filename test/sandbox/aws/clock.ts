/** The sandbox's own clock. Starts at real time and keeps running; only ever moved forward by a test. */
export interface SandboxClock {
  /** Milliseconds since the epoch. */
  now(): number
  advance(ms: number): void
}

export function sandboxClock(): SandboxClock {
  let aheadMs = 0
  return {
    now: () => Date.now() + aheadMs,
    advance(ms) {
      if (!(ms >= 0)) throw new RangeError(`The sandbox's clock only goes forward, not by ${ms} ms`)
      aheadMs += ms
    },
  }
}

/** ISO 8601 in whole seconds, as IAM and STS write times. */
export function isoSeconds(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`
}
