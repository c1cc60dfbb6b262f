import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Target } from './bus.ts'
import type { BusEvent } from './trail.ts'

/** EventBridge's requests to an API destination ("API destinations as targets in Amazon EventBridge"). */

/** Everything that one request needs. It is read for each attempt, so that a rotated key is used at once. */
export interface Invocation {
  readonly endpoint: string
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
}

/** The request to send, or the error code for which an event goes straight to the dead-letter queue. */
export type Resolution = Invocation | { readonly code: string; readonly message: string }

export interface Delivery {
  readonly event: BusEvent
  readonly ruleArn: string
  readonly target: Target
  resolve(): Resolution
}

export interface Attempt {
  readonly eventId: string
  readonly number: number
  /** Undefined after a time-out or when no connection was made. */
  readonly status: number | undefined
  /** The time that EventBridge would wait before the next attempt; undefined when it does not retry. */
  readonly retryInMs: number | undefined
}

/** An event that was given up, with the attributes of its dead-letter message. Without a queue AWS drops the event. */
export interface Undelivered {
  readonly event: BusEvent
  readonly ruleArn: string
  readonly targetArn: string
  readonly deadLetterArn: string | undefined
  readonly errorCode: string
  readonly errorMessage: string
  readonly retryAttempts: number
}

const TIMEOUT_MS = 5000
const RETRIED = new Set([401, 407, 409, 429])
const LONGEST_BACKOFF_MS = 15 * 60_000

export interface Answer {
  readonly status: number | undefined
  readonly retryAfter: string | undefined
}

/** Sends one POST with exactly the headers that AWS sends, on a connection of its own. */
export function invoke(
  { endpoint, method, headers }: Invocation,
  body: string,
  options: { readonly ca?: string | undefined; readonly signal: AbortSignal },
): Promise<Answer> {
  const url = new URL(endpoint)
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest
  return new Promise((resolve) => {
    const lost = () => resolve({ status: undefined, retryAfter: undefined })
    const sent = send(
      url,
      {
        method,
        agent: false,
        signal: AbortSignal.any([options.signal, AbortSignal.timeout(TIMEOUT_MS)]),
        ...(options.ca === undefined ? {} : { ca: options.ca }),
        headers: {
          'User-Agent': 'Amazon/EventBridge/ApiDestinations',
          'Content-Type': 'application/json; charset=utf-8',
          Range: 'bytes=0-1048575',
          'Accept-Encoding': 'gzip,deflate',
          Connection: 'close',
          'Content-Length': String(Buffer.byteLength(body)),
          ...headers,
        },
      },
      (response) => {
        response.on('error', lost)
        response.on('end', () => resolve({ status: response.statusCode, retryAfter: response.headers['retry-after'] }))
        response.resume()
      },
    )
    sent.on('error', lost)
    sent.end(body)
  })
}

export function isRetried({ status }: Answer): boolean {
  return status === undefined || status >= 500 || RETRIED.has(status)
}

export function isDelivered({ status }: Answer): boolean {
  return status !== undefined && status >= 200 && status < 300
}

/** Undefined when the endpoint answered a negative Retry-After, which means that it wants no retry. */
export function backoffMs(number: number, retryAfter: string | undefined, now: number): number | undefined {
  const own = Math.min(LONGEST_BACKOFF_MS, 1000 * 2 ** (number - 1)) * (0.5 + Math.random() / 2)
  if (retryAfter === undefined) return own
  const seconds = Number(retryAfter)
  if (Number.isFinite(seconds)) return seconds < 0 ? undefined : Math.max(own, seconds * 1000)
  const until = Date.parse(retryAfter)
  return Number.isNaN(until) ? own : Math.max(own, until - now)
}
