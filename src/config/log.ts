import { type Logger, pino } from 'pino'
import type { Config } from '../config.ts'

interface ErrorLine {
  readonly type: string
  readonly message: string
  readonly code?: unknown
  readonly stack?: string | undefined
  readonly cause?: ErrorLine
}

/** Named fields only: errors of SDKs carry requests, answers and arguments, and those hold secrets. */
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

export function openLog({ logLevel }: Pick<Config, 'logLevel'>, part: string): Logger {
  const settings = {
    level: logLevel,
    base: { part },
    serializers: { err: errorLine, req: ({ id }: { id: string }) => ({ id }) },
    redact: ['authorization', '*.authorization', 'headers', '*.headers', 'body', '*.body'],
  }
  // Line by line: what waits in memory is flushed at exit, which never ends where the reader is gone (sonic-boom's flushSync on EPIPE).
  return pino(settings, pino.destination({ dest: 1, sync: true }))
}
