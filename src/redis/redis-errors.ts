import { LatchkeyError } from '../errors.ts'

/**
 * Error codes of a Redis that cannot serve at the moment: it starts, is full or busy, lost its replicas, or changes its
 * master.
 */
const TRANSIENT_CODES: ReadonlySet<string> = new Set([
  ...['LOADING', 'BUSY', 'OOM', 'MISCONF', 'READONLY', 'NOREPLICAS'],
  ...['MASTERDOWN', 'CLUSTERDOWN', 'TRYAGAIN', 'UNBLOCKED'],
])

const RETRY_AFTER_SECONDS = 5

/** The code of a Redis error. Undefined: no answer came, so the command may have been executed. */
export function replyCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || error.name !== 'ReplyError') return undefined
  // Redis 6.2 wraps the error of a command inside a script: `ERR Error running script (…): … -OOM command not allowed`.
  return / -([A-Z]+) /.exec(error.message)?.[1] ?? error.message.split(' ', 1)[0]
}

/** @param perhapsDone The command may have been executed although no answer came. */
export function unavailable(cause: unknown, perhapsDone = false): LatchkeyError<'UNAVAILABLE'> {
  const facts = { what: 'the record', retryAfterSeconds: RETRY_AFTER_SECONDS } as const
  return new LatchkeyError('UNAVAILABLE', perhapsDone ? { ...facts, perhapsDone: true } : facts, { cause })
}

/**
 * Turns an error of ioredis into UNAVAILABLE if a retry can help. Any other refusal becomes a plain Error without the
 * command's arguments, which may hold secrets.
 */
export function translate(error: unknown): Error {
  const code = replyCode(error)
  if (code === undefined || TRANSIENT_CODES.has(code)) return unavailable(error)
  return new Error(`Redis refused a command of the record: ${error instanceof Error ? error.message : code}`)
}

/** The reply, with errors passed through `translate`. */
export async function answered<T>(reply: Promise<T>): Promise<T> {
  try {
    return await reply
  } catch (error) {
    throw translate(error)
  }
}
