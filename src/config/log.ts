import { type Logger, pino } from 'pino'
import type { Config } from '../config.ts'

interface ErrorLine {
  readonly type: string
  readonly message: string
  readonly code?: unknown
  readonly stack?: string | undefined
  readonly cause?: ErrorLine
}

/** Copies named fields only: errors of SDKs contain requests, answers and arguments, which hold secrets. */
function errorLine(error: unknown): ErrorLine {
  if (!(error instanceof Error)) return { type: typeof error, message: 'not an Error' }
  return {
    type: error.name,
    message: error.message,
    stack: error.stack,
    ...('code' in error ? { code: error.code } : {}),
    ...(error.cause === undefined ? {} : { cause: errorLine(error.cause) }),
  }
}

/** @param part Which process writes the log, as `web`. */
export function openLog({ logLevel }: Pick<Config, 'logLevel'>, part: string): Logger {
  const settings = {
    level: logLevel,
    base: { part },
    serializers: { err: errorLine, req: ({ id }: { id: string }) => ({ id }) },
    redact: ['authorization', '*.authorization', 'headers', '*.headers', 'body', '*.body'],
  }
  // Writes each line at once. A buffer would be flushed at exit, and that never ends when the reader is gone
  // (sonic-boom's flushSync on EPIPE).
  return pino(settings, pino.destination({ dest: 1, sync: true }))
}
