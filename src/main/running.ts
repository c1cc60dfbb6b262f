import type { Logger } from 'pino'

/** One part of Latchkey, started. */
export interface Running {
  stop(): Promise<void>
}

/** Tells the parent; started by itself there is none. */
export function reportReady(): void {
  process.send?.('ready')
}

/** Longer than the 20 seconds that jobs are given. */
const STOP_WITHIN_MS = 25_000
/** `EX_SOFTWARE` of sysexits.h: unlike a refusal to start (1), the parent starts such a child again. */
const EXIT_CRASHED = 70

/** Stops once, whoever asks first: the parent, the terminal, or the loss of the parent. Before the start is over there is nothing to stop. */
export function stopOnSignal(log: Logger, started: () => Running | undefined): void {
  let stopping = false
  async function stop(reason: string): Promise<void> {
    if (stopping) return
    stopping = true
    log.info({ reason }, 'stopping')
    setTimeout(() => {
      log.error('did not stop in time')
      process.exit(EXIT_CRASHED)
    }, STOP_WITHIN_MS).unref()
    await started()?.stop()
    log.info('stopped')
    process.exit(0)
  }
  process.on('SIGTERM', () => void stop('SIGTERM'))
  process.on('SIGINT', () => void stop('SIGINT'))
  process.on('disconnect', () => void stop('the parent is gone'))
}

/** After an error that nobody expected, nothing is known about the process: the parent starts a new one. */
export function exitOnCrash(log: Logger): void {
  function crash(err: unknown): void {
    // Not `fatal`: pino flushes after it, and where whoever read the log is gone that flush tries for ever (sonic-boom, flushSync on EPIPE).
    log.error({ err }, 'crashed')
    process.exit(EXIT_CRASHED)
  }
  process.on('uncaughtException', crash)
  process.on('unhandledRejection', crash)
}
