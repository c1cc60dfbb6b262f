import type { Logger } from 'pino'

/** Something that workers do again and again. Readiness asks `sinceLastTurnMs`: a loop that no longer turns is seen. */
export interface Loop {
  /** Waits for the turn in hand, for ten seconds at most. */
  stop(): Promise<void>
  sinceLastTurnMs(): number
}

interface LoopDeps {
  readonly name: string
  readonly turn: () => Promise<void>
  /** Between two turns. */
  readonly pauseMs: number
  readonly log: Logger
}

/** After a failure a loop pauses as long as ever, but for ten seconds at most; one that never pauses, for a second. */
const PAUSE_AFTER_FAILURE_MS = { least: 1_000, most: 10_000 } as const
const STOP_WITHIN_MS = 10_000
/** An outage of an hour must not fill the log. */
const LOG_EVERY = 60

/** No failure ends a loop. */
export function startLoop({ name, turn, pauseMs, log }: LoopDeps): Loop {
  const stopping = new AbortController()
  let lastTurnAt = performance.now()
  let failures = 0

  async function takeTurn(): Promise<number> {
    try {
      await turn()
      if (failures > 0) log.info({ loop: name, failures }, 'the loop works again')
      failures = 0
      lastTurnAt = performance.now()
      return pauseMs
    } catch (error) {
      if (failures % LOG_EVERY === 0) log.error({ loop: name, failures, err: error }, 'a turn of the loop failed')
      failures += 1
      return Math.min(Math.max(pauseMs, PAUSE_AFTER_FAILURE_MS.least), PAUSE_AFTER_FAILURE_MS.most)
    }
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) await pause(await takeTurn(), stopping.signal)
  }

  const running = run()
  return {
    async stop() {
      stopping.abort()
      await within(STOP_WITHIN_MS, running)
    },
    sinceLastTurnMs: () => performance.now() - lastTurnAt,
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

/** False: still running after that time. */
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
