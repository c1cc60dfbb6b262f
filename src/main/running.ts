import type { Logger } from 'pino'

/** A part of Latchkey (web or workers) that was started. */
export interface Running {
  stop(): Promise<void>
}

/** Tells the parent process that this part is ready. A part that was started alone has no parent. */
export function reportReady(): void {
  process.send?.('ready')
}

/** Longer than the 20 seconds that running jobs get to finish. */
const STOP_WITHIN_MS = 25_000
/** `EX_SOFTWARE` of sysexits.h. The parent starts such a child again, unlike one that refused to start (1). */
const EXIT_CRASHED = 70

/**
 * Stops once: on SIGTERM, on SIGINT, or when the parent is gone.
 * @param started Gives undefined until the part has started: there is nothing to stop yet
 */
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

/** Exits after an error that nothing caught: the state of the process is unknown then. The parent starts a new one. */
export function exitOnCrash(log: Logger): void {
  function crash(err: unknown): void {
    // Not `log.fatal`: pino flushes after it, and when the log's reader is gone that flush never ends (sonic-boom,
    // flushSync on EPIPE).
    log.error({ err }, 'crashed')
    process.exit(EXIT_CRASHED)
  }
  process.on('uncaughtException', crash)
  process.on('unhandledRejection', crash)
}
