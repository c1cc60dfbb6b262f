import { setTimeout as wait } from 'node:timers/promises'
import { GraphError } from '@microsoft/microsoft-graph-client'
import { LatchkeyError } from '../errors.ts'

/** Limit for a call with its retries when the caller sets none. */
const TIMEOUT_MS = 10_000
const MAX_ATTEMPTS = 3
const PAUSE_MS = 500
/** A longer Retry-After is not waited for here: it is passed on in UNAVAILABLE. */
const MAX_PAUSE_MS = 3_000
const RETRY_AFTER_SECONDS = 5
const RETRYABLE_STATUS = new Set([429, 502, 503, 504])

/** Graph answers 404 with this code for "no manager", "no such user" and "no such group". */
const ABSENT_CODE = 'Request_ResourceNotFound'

export interface Log {
  warn(data: object, message: string): void
}

/**
 * Makes one call to Graph. With the caller's signal there is one attempt, because a click has no time for a second. The
 * SDK's own retries ignore signals and are not used.
 * @returns undefined when the thing does not exist
 * @throws UNAVAILABLE for every failure
 */
export async function ask<T>(
  call: (signal: AbortSignal) => Promise<T>,
  signal: AbortSignal | undefined,
  log: Log | undefined,
): Promise<T | undefined> {
  const limit = AbortSignal.any([AbortSignal.timeout(TIMEOUT_MS), ...(signal ? [signal] : [])])
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await unlessAborted(call(limit), limit)
    } catch (error) {
      if (isNotFound(error)) return undefined
      const pause = pauseMs(error)
      if (signal !== undefined || attempt === MAX_ATTEMPTS || pause === undefined || limit.aborted) {
        throw unavailable(error, log)
      }
      await wait(pause, undefined, { signal: limit }).catch((cause: unknown) => {
        throw unavailable(cause, log)
      })
    }
  }
}

/**
 * Stops waiting when the signal aborts. It is needed because getting a token does not pass the signal on everywhere.
 */
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

function isNotFound(error: unknown): boolean {
  return error instanceof GraphError && error.statusCode === 404 && error.code === ABSENT_CODE
}

function retryAfterSeconds(error: unknown): number | undefined {
  if (!(error instanceof GraphError)) return undefined
  const seconds = Number(error.headers?.get('retry-after') ?? Number.NaN)
  return Number.isFinite(seconds) && seconds >= 0 ? seconds : undefined
}

/** `fetch` throws a TypeError for a broken connection, and the SDK uses its name as the code. */
function isBrokenConnection(error: GraphError): boolean {
  return error.statusCode === -1 && error.code === TypeError.name
}

/** Pause before the next attempt. Undefined: a retry would not help, or not soon enough. */
function pauseMs(error: unknown): number | undefined {
  if (!(error instanceof GraphError) || !(RETRYABLE_STATUS.has(error.statusCode) || isBrokenConnection(error))) {
    return undefined
  }
  const milliseconds = (retryAfterSeconds(error) ?? 0) * 1_000 || PAUSE_MS
  return milliseconds <= MAX_PAUSE_MS ? milliseconds : undefined
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
