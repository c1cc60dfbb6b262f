import { z } from 'zod'
import { LatchkeyError } from '../errors.ts'

/** What is said of a refused call: what was asked, and what to do about it. Neither holds anything secret. */
export interface Asking {
  readonly doing: string
  readonly next: string
  /** Names of AWS's errors that are an answer like any other here: they are thrown, and no line of the log. */
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

/** The names that the SDK's HTTP handler gives when no whole answer came. */
const NO_ANSWER = new Set(['TimeoutError', 'AbortError'])

/** Two writes of one role met: IAM asks for just that one again. */
const RACED = new Set(['ConcurrentModificationException', 'ConcurrentModification'])

/** The credentials of this process are missing, over, or no longer known. */
const NO_CREDENTIALS = new Set([
  ...['CredentialsProviderError', 'ExpiredToken', 'ExpiredTokenException', 'InvalidClientTokenId'],
  ...['InvalidAccessKeyId', 'SignatureDoesNotMatch', 'UnrecognizedClientException'],
])
const RENEW = "Latchkey's own AWS credentials are missing or no longer good. Have the operator give it new ones."

const RETRY_AFTER_SECONDS = 10

const facts = z.object({
  name: z.string(),
  /** Of Node's network errors (`ECONNREFUSED`). */
  code: z.string().optional(),
  $metadata: z.object({ httpStatusCode: z.number().optional(), requestId: z.string().optional() }).optional(),
})

/** Carries out one call. What AWS refuses is logged and becomes a LatchkeyError; a fault of our own stays what it is. */
export async function askAws<T>(asking: Asking, log: AwsLog, call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    const refusal = latchkeyError(asking, error)
    if (!refusal) throw error
    const { name, $metadata } = facts.parse(error)
    const answer = { awsCode: name, status: $metadata?.httpStatusCode, awsRequestId: $metadata?.requestId }
    if (!asking.expected?.includes(name))
      log.warn({ doing: asking.doing, code: refusal.code, ...answer }, 'AWS did not do what it was asked')
    throw refusal
  }
}

/**
 * By the error's name, never by its text. The SDK's error is not kept as the cause: it carries request and answer, and these carry tokens.
 */
function latchkeyError({ doing, next }: Asking, error: unknown): LatchkeyError | undefined {
  if (!(error instanceof Error) || error instanceof LatchkeyError) return undefined
  const { name, $metadata } = facts.parse(error)
  const status = $metadata?.httpStatusCode
  const quota = QUOTAS[name]
  if (quota) return new LatchkeyError('QUOTA_FULL', quota)
  if (NO_CREDENTIALS.has(name)) return new LatchkeyError('AWS_REFUSED', { doing, awsCode: name, next: RENEW })
  if (isUnavailable(error))
    return new LatchkeyError('UNAVAILABLE', { what: 'AWS', retryAfterSeconds: RETRY_AFTER_SECONDS })
  return status === undefined ? undefined : new LatchkeyError('AWS_REFUSED', { doing, awsCode: name, next })
}

/** AWS asks to be left alone for a while. */
export function isThrottled(error: unknown): boolean {
  const { name = '', $metadata } = facts.safeParse(error).data ?? {}
  return THROTTLED.has(name) || $metadata?.httpStatusCode === 429
}

/** Whether the same call may succeed a moment later: AWS was busy, its answer was lost, or it met another call. */
export function isWorthRepeating(error: unknown): boolean {
  return error instanceof Error && !(error instanceof LatchkeyError) && (RACED.has(error.name) || isUnavailable(error))
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
