import { runIfRoom } from '../async.ts'
import { PageProblem } from './page-problem.ts'
import { SIGN_IN_SECONDS } from './session.ts'

/**
 * Whoever comes back from Entra is a stranger until Entra was asked, and each question carries our secret, under the registration that
 * also reads the directory: what strangers can make us ask is bounded. In this process; a second one would allow as much again.
 */

const MOST_AT_ONCE = 10
const MOST_A_MINUTE = 120
const MINUTE_MS = 60_000
const RETRY_AFTER_SECONDS = 10

export interface Exchanges {
  /** Asks Entra once for each state. @throws PageProblem without having asked: that state was used, or too many ask; then it is still good. */
  run<T>(state: string, ask: () => Promise<T>): Promise<T>
}

export function boundedExchanges(): Exchanges {
  /** When each state was spent, oldest first. No more than the minutes of a sign-in allow. */
  const spent = new Map<string, number>()
  const run = runIfRoom(MOST_AT_ONCE)

  function forgetOld(nowMs: number): void {
    for (const [state, atMs] of spent) {
      // The cookie that carried it is over by now.
      if (nowMs - atMs <= SIGN_IN_SECONDS * 1_000) return
      spent.delete(state)
    }
  }

  function isFull(nowMs: number): boolean {
    return [...spent.values()].filter((atMs) => nowMs - atMs < MINUTE_MS).length >= MOST_A_MINUTE
  }

  return {
    async run(state, ask) {
      // Not the time of day, which may be set back and would then keep everybody out.
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
