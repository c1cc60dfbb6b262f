import { setTimeout as wait } from 'node:timers/promises'
import { GraphError } from '@microsoft/microsoft-graph-client'
import { LatchkeyError } from '../errors.ts'

/** Without a caller's own limit, a question and its repetitions take no longer than this. */
const LONGEST_MILLISECONDS = 10_000
const MOST_ATTEMPTS = 3
const PAUSE_MILLISECONDS = 500
/** A longer Retry-After is for our caller to keep, not for us to sleep through. */
const LONGEST_PAUSE_MILLISECONDS = 3_000
const RETRY_AFTER_SECONDS = 5
const WORTH_REPEATING = new Set([429, 502, 503, 504])

/** "no manager", "no such user" and "no such group" are all this code with a 404. */
const ABSENT_CODE = 'Request_ResourceNotFound'

export interface Log {
  warn(data: object, message: string): void
}

/**
 * Puts one question to Graph. Undefined: what was asked for does not exist. Everything that is not an answer is UNAVAILABLE.
 * With a signal there is one attempt: a click has no time for a second. The SDK's own retries sleep through signals and are not used.
 */
export async function ask<T>(
  question: (signal: AbortSignal) => Promise<T>,
  signal: AbortSignal | undefined,
  log: Log | undefined,
): Promise<T | undefined> {
  const limit = AbortSignal.any([AbortSignal.timeout(LONGEST_MILLISECONDS), ...(signal ? [signal] : [])])
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await unlessAborted(question(limit), limit)
    } catch (error) {
      if (isAbsence(error)) return undefined
      const pause = pauseMilliseconds(error)
      if (signal !== undefined || attempt === MOST_ATTEMPTS || pause === undefined || limit.aborted) {
        throw unavailable(error, log)
      }
      await wait(pause, undefined, { signal: limit }).catch((cause: unknown) => {
        throw unavailable(cause, log)
      })
    }
  }
}

/** Getting a token takes no signal all the way down; this ends the waiting whatever is being waited for. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const finished = new AbortController()
  const aborted = new Promise<never>((_, reject) => {
    const stop = () => reject(signal.reason)
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true, signal: finished.signal })
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    finished.abort()
  }
}

function isAbsence(error: unknown): boolean {
  return error instanceof GraphError && error.statusCode === 404 && error.code === ABSENT_CODE
}

function retryAfterSeconds(error: unknown): number | undefined {
  if (!(error instanceof GraphError)) return undefined
  const seconds = Number(error.headers?.get('retry-after') ?? Number.NaN)
  return Number.isFinite(seconds) && seconds >= 0 ? seconds : undefined
}

/** `fetch` reports it as a TypeError, and the SDK keeps the name as its code. */
function isBrokenConnection(error: GraphError): boolean {
  return error.statusCode === -1 && error.code === TypeError.name
}

/** Undefined: repeating would not help, or not soon. */
function pauseMilliseconds(error: unknown): number | undefined {
  if (!(error instanceof GraphError) || !(WORTH_REPEATING.has(error.statusCode) || isBrokenConnection(error))) {
    return undefined
  }
  const milliseconds = (retryAfterSeconds(error) ?? 0) * 1_000 || PAUSE_MILLISECONDS
  return milliseconds <= LONGEST_PAUSE_MILLISECONDS ? milliseconds : undefined
}

function unavailable(error: unknown, log: Log | undefined): LatchkeyError {
  const seen =
    error instanceof GraphError
      ? { status: error.statusCode, graphCode: error.code, graphRequestId: error.requestId }
      : { status: undefined, graphCode: error instanceof Error ? error.name : typeof error }
  log?.warn(seen, 'the directory gave no answer')
  const seconds = Math.max(1, Math.ceil(retryAfterSeconds(error) ?? RETRY_AFTER_SECONDS))
  return new LatchkeyError('UNAVAILABLE', { what: 'the directory', retryAfterSeconds: seconds }, { cause: error })
}
