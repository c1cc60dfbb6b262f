import { LatchkeyError } from '../errors.ts'

/** AWS's words for "too fast" (IAM and STS, "Common Error Types"). */
const THROTTLES: ReadonlySet<string> = new Set([
  ...['Throttling', 'ThrottlingException', 'ThrottledException', 'RequestThrottled', 'RequestLimitExceeded'],
  ...['TooManyRequestsException', 'SlowDown', 'PriorRequestNotComplete'],
])

export function isThrottle(error: unknown): boolean {
  if (!(error instanceof LatchkeyError) || error.code !== 'AWS_REFUSED') return false
  return 'awsCode' in error.facts && THROTTLES.has(error.facts.awsCode)
}

/** How long a failed job waits before its next try; there is always a next one. `chance` is from 0 to 1. */
export function backoffMs(attempts: number, throttled: boolean, chance: number): number {
  if (!throttled) return Math.min(30_000, 1_000 * attempts)
  // Many jobs are throttled together: they must not come back together.
  return Math.min(60_000, 500 * 2 ** Math.min(attempts, 10)) * (0.5 + chance / 2)
}
