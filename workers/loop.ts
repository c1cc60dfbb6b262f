import type { Logger } from 'pino'

/** Work that workers repeat. */
export interface Loop {
  /** Waits for the round under way, for ten seconds at most. */
  stop(): Promise<void>
  /** Milliseconds since the last round that succeeded. Readiness reads it, to notice a loop that is stuck. */
  sinceLastTurnMs(): number
}

interface LoopDeps {
  readonly name: string
  /** One round. */
  readonly turn: () => Promise<void>
  /** The pause between two rounds, in ms. */
  readonly pauseMs: number
  readonly log: Logger
}

/** After a failed round a loop pauses for `pauseMs`, within these bounds. */
const PAUSE_AFTER_FAILURE_MS = { least: 1_000, most: 10_000 } as const
const STOP_WITHIN_MS = 10_000
/**
 * Of consecutive failures only the first and then each sixtieth is logged, so that a long outage does not fill the log.
 */
const LOG_EVERY = 60

/** Starts a loop. A failed round never ends it; `LOG_EVERY` says which failures are logged. */
export function startLoop({ name, turn, pauseMs, log }: LoopDeps): Loop {
  const stopping = new AbortController()
  let lastRoundAt = performance.now()
  let failures = 0

  async function runRound(): Promise<number> {
    try {
      await turn()
      if (failures > 0) log.info({ loop: name, failures }, 'the loop works again')
      failures = 0
      lastRoundAt = performance.now()
      return pauseMs
    } catch (error) {
      if (failures % LOG_EVERY === 0) log.error({ loop: name, failures, err: error }, 'a round of the loop failed')
      failures += 1
      return Math.min(Math.max(pauseMs, PAUSE_AFTER_FAILURE_MS.least), PAUSE_AFTER_FAILURE_MS.most)
    }
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) await pause(await runRound(), stopping.signal)
  }

  const running = run()
  return {
    async stop() {
      stopping.abort()
      await within(STOP_WITHIN_MS, running)
    },
    sinceLastTurnMs: () => performance.now() - lastRoundAt,
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const timer = setTimeout(end, milliseconds)
    signal.addEventListener('abort', end)
    function end() {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
  })
}

/** @returns false if `work` still runs after that time; it is not stopped */
export async function within(milliseconds: number, work: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, milliseconds, false)
  })
  try {
    return await Promise.race([work.then(() => true), late])
  } finally {
    clearTimeout(timer)
  }
}
