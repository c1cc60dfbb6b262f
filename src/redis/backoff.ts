import { LatchkeyError } from '../errors.ts'

/** AWS error codes for too many calls (IAM and STS, "Common Error Types"). */
const THROTTLES: ReadonlySet<string> = new Set([
  ...['Throttling', 'ThrottlingException', 'ThrottledException', 'RequestThrottled', 'RequestLimitExceeded'],
  ...['TooManyRequestsException', 'SlowDown', 'PriorRequestNotComplete'],
])

export function isThrottle(error: unknown): boolean {
  if (!(error instanceof LatchkeyError) || error.code !== 'AWS_REFUSED') return false
  return 'awsCode' in error.facts && THROTTLES.has(error.facts.awsCode)
}

/**
 * Pause before a failed job is tried again, in ms. The number of attempts is not limited.
 * @param chance Random number from 0 to 1.
 */
export function backoffMs(attempts: number, throttled: boolean, chance: number): number {
  if (!throttled) return Math.min(30_000, 1_000 * attempts)
  // Half of the pause is random, so that jobs that were throttled together do not repeat together.
  return Math.min(60_000, 500 * 2 ** Math.min(attempts, 10)) * (0.5 + chance / 2)
}
