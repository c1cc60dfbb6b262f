import { z } from 'zod'
import { LatchkeyError } from '../errors.ts'

/** The words for one AWS call in logs and refusals. They contain no secret. */
export interface CallText {
  /** What was asked of AWS, as the end of a sentence. @example "to show the elevation role latchkey/prod" */
  readonly doing: string
  /** What a reader can do when AWS refuses, as sentences. */
  readonly next: string
  /** Names of AWS errors that are a normal answer to this call: they are thrown, but not logged. */
  readonly expected?: readonly string[]
}

export interface AwsLog {
  warn(data: object, message: string): void
}

const QUOTAS: Readonly<Record<string, { readonly quota: string; readonly next: string }>> = {
  LimitExceeded: {
    quota: 'What AWS keeps for this elevation role',
    next: 'Have the owner clear inline policies from it.',
  },
  PackedPolicyTooLargeException: {
    quota: 'What AWS takes in one session policy',
    next: 'Ask for fewer scopes at once, for shorter prefixes, or for one prefix above them.',
  },
}

const THROTTLED = new Set([
  ...['Throttling', 'ThrottlingException', 'ThrottledException', 'RequestThrottled', 'RequestThrottledException'],
  ...['RequestLimitExceeded', 'TooManyRequestsException', 'SlowDown'],
])

/** Errors of the SDK's HTTP handler: no complete answer came. */
const NO_ANSWER = new Set(['TimeoutError', 'AbortError'])

/** Two writes to one role collided. IAM asks the caller to repeat its own. */
const COLLIDED = new Set(['ConcurrentModificationException', 'ConcurrentModification'])

/** The credentials of this process are missing, expired or unknown to AWS. */
const NO_CREDENTIALS = new Set([
  ...['CredentialsProviderError', 'ExpiredToken', 'ExpiredTokenException', 'InvalidClientTokenId'],
  ...['InvalidAccessKeyId', 'SignatureDoesNotMatch', 'UnrecognizedClientException'],
])
const RENEW_CREDENTIALS =
  "Latchkey's own AWS credentials are missing or no longer good. Have the operator give it new ones."

const RETRY_AFTER_SECONDS = 10

const facts = z.object({
  name: z.string(),
  /** Set by Node's network errors, as `ECONNREFUSED`. */
  code: z.string().optional(),
  $metadata: z.object({ httpStatusCode: z.number().optional(), requestId: z.string().optional() }).optional(),
})

/**
 * Makes one AWS call. An error of AWS is logged and thrown as a LatchkeyError; an error in our own code is thrown
 * unchanged.
 * @throws AWS_REFUSED, QUOTA_FULL, or UNAVAILABLE when AWS is busy or does not answer
 */
export async function askAws<T>(callText: CallText, log: AwsLog, call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    const refusal = latchkeyError(callText, error)
    if (!refusal) throw error
    const { name, $metadata } = facts.parse(error)
    const answer = { awsCode: name, status: $metadata?.httpStatusCode, awsRequestId: $metadata?.requestId }
    if (!callText.expected?.includes(name))
      log.warn({ doing: callText.doing, code: refusal.code, ...answer }, 'AWS did not do what it was asked')
    throw refusal
  }
}

/**
 * Decides by the error's name, never by its text. The SDK's error does not become the `cause`: it holds request and
 * answer, and these hold tokens.
 */
function latchkeyError({ doing, next }: CallText, error: unknown): LatchkeyError | undefined {
  if (!(error instanceof Error) || error instanceof LatchkeyError) return undefined
  const { name, $metadata } = facts.parse(error)
  const status = $metadata?.httpStatusCode
  const quota = QUOTAS[name]
  if (quota) return new LatchkeyError('QUOTA_FULL', quota)
  if (NO_CREDENTIALS.has(name))
    return new LatchkeyError('AWS_REFUSED', { doing, awsCode: name, next: RENEW_CREDENTIALS })
  if (isUnavailable(error))
    return new LatchkeyError('UNAVAILABLE', { what: 'AWS', retryAfterSeconds: RETRY_AFTER_SECONDS })
  return status === undefined ? undefined : new LatchkeyError('AWS_REFUSED', { doing, awsCode: name, next })
}

/** Whether AWS refused the call because there were too many. */
export function isThrottled(error: unknown): boolean {
  const { name = '', $metadata } = facts.safeParse(error).data ?? {}
  return THROTTLED.has(name) || $metadata?.httpStatusCode === 429
}

/** Whether the same call may succeed a moment later: AWS was busy, its answer was lost, or two writes collided. */
export function isWorthRepeating(error: unknown): boolean {
  return (
    error instanceof Error && !(error instanceof LatchkeyError) && (COLLIDED.has(error.name) || isUnavailable(error))
  )
}

function isUnavailable(error: Error): boolean {
  const { name, code, $metadata } = facts.parse(error)
  const status = $metadata?.httpStatusCode
  if (isThrottled(error) || NO_ANSWER.has(name)) return true
  if (status !== undefined) return status >= 500
  return code !== undefined && !(error instanceof TypeError)
}

export function isAwsCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof LatchkeyError && 'awsCode' in error.facts && codes.includes(error.facts.awsCode)
}
