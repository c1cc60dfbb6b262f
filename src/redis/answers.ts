import { LatchkeyError } from '../errors.ts'

/** Codes by which Redis says that it cannot serve at the moment: it starts, is full, busy, cut off, or changes its master. */
const NOT_NOW: ReadonlySet<string> = new Set([
  ...['LOADING', 'BUSY', 'OOM', 'MISCONF', 'READONLY', 'NOREPLICAS'],
  ...['MASTERDOWN', 'CLUSTERDOWN', 'TRYAGAIN', 'UNBLOCKED'],
])

const RETRY_AFTER_SECONDS = 5

/** The code that Redis answered with; undefined: no answer came, and what was sent may have been done. */
export function replyCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || error.name !== 'ReplyError') return undefined
  // Redis 6.2 wraps what a script ran into: `ERR Error running script (…): … -OOM command not allowed`.
  return / -([A-Z]+) /.exec(error.message)?.[1] ?? error.message.split(' ', 1)[0]
}

export function unavailable(cause: unknown, perhapsDone = false): LatchkeyError<'UNAVAILABLE'> {
  const facts = { what: 'the record', retryAfterSeconds: RETRY_AFTER_SECONDS } as const
  return new LatchkeyError('UNAVAILABLE', perhapsDone ? { ...facts, perhapsDone: true } : facts, { cause })
}

/** What ioredis threw, in our words. A refusal that no waiting mends stays what it is, without the arguments it carries. */
export function translate(error: unknown): Error {
  const code = replyCode(error)
  if (code === undefined || NOT_NOW.has(code)) return unavailable(error)
  return new Error(`Redis refused a command of the record: ${error instanceof Error ? error.message : code}`)
}

export async function answered<T>(reply: Promise<T>): Promise<T> {
  try {
    return await reply
  } catch (error) {
    throw translate(error)
  }
}
