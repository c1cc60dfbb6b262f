import { runIfRoom } from '../async.ts'
import { PageProblem } from './page-problem.ts'
import { SIGN_IN_SECONDS } from './session.ts'

/**
 * Bounds the calls to Entra that strangers can cause: a browser that comes back from Entra is unknown until Entra has
 * confirmed its code. Each call carries the secret of the registration that also reads the directory. The bounds hold
 * for each process.
 */

const MOST_AT_ONCE = 10
const MOST_A_MINUTE = 120
const MINUTE_MS = 60_000
const RETRY_AFTER_SECONDS = 10

export interface Exchanges {
  /**
   * Asks Entra at most once for each state.
   * @throws PageProblem 400 for a used state; 503 when too many sign in, and then the state can still be used
   */
  run<T>(state: string, ask: () => Promise<T>): Promise<T>
}

export function boundedExchanges(): Exchanges {
  /**
   * Maps each used state to the time of its use in ms, the oldest first. Entries older than `SIGN_IN_SECONDS` are
   * dropped.
   */
  const spent = new Map<string, number>()
  const run = runIfRoom(MOST_AT_ONCE)

  function forgetOld(nowMs: number): void {
    for (const [state, atMs] of spent) {
      // An older state needs no entry: the cookie that carried it has expired.
      if (nowMs - atMs <= SIGN_IN_SECONDS * 1_000) return
      spent.delete(state)
    }
  }

  function isFull(nowMs: number): boolean {
    return [...spent.values()].filter((atMs) => nowMs - atMs < MINUTE_MS).length >= MOST_A_MINUTE
  }

  return {
    async run(state, ask) {
      // A monotonic clock: if the time of day were set back, old states would not expire and everybody would be
      // refused.
      const nowMs = performance.now()
      forgetOld(nowMs)
      if (spent.has(state)) throw signInOver()
      if (isFull(nowMs)) throw tooMany()
      const outcome = await run('exchange', async () => {
        spent.set(state, nowMs)
        return await ask()
      })
      if (outcome === 'full') throw tooMany()
      return outcome
    },
  }
}

export function signInOver(): PageProblem {
  return new PageProblem({
    status: 400,
    title: 'This sign-in is over',
    sentence:
      'It was finished already, took too long, or began in another browser. Open the link from your mail again.',
  })
}

function tooMany(): PageProblem {
  return new PageProblem({
    status: 503,
    title: 'Too many people sign in at the moment',
    sentence: `You are not signed in yet. Load this page again in ${RETRY_AFTER_SECONDS} seconds.`,
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  })
}
