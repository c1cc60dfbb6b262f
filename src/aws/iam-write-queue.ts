import { setTimeout as wait } from 'node:timers/promises'
import { URGENCIES, type Urgency } from '../grants/driver.ts'
import { isThrottled, isWorthRepeating } from './aws-error.ts'

const ATTEMPTS = 3
/** Longest pause after two writes collided; it doubles with each attempt. */
const COLLIDED_PAUSE_MS = 100
/**
 * Longest pause after IAM throttled; it doubles with each attempt. IAM publishes no rates, so the number is a guess.
 */
const THROTTLED_PAUSE_MS = 500

export interface IamWriteQueue {
  /**
   * Runs `call` when the queue allows it, and up to 3 times when AWS asks to repeat it. So a write must be safe to do
   * twice.
   */
  write<T>(urgency: Urgency, call: () => Promise<T>): Promise<T>
}

interface Class {
  isBusy: boolean
  readonly waiting: (() => void)[]
}

function emptyClass(): Class {
  return { isBusy: false, waiting: [] }
}

/**
 * A queue with one class for each urgency. A class runs one write at a time, in order of arrival.
 *
 * A class waits while a more urgent one has a write that waits, runs, or pauses because AWS throttles. So the calls that
 * AWS still accepts go to the more urgent writes.
 */
export function iamWriteQueue(): IamWriteQueue {
  const classes = { 'early-revoke': emptyClass(), activation: emptyClass(), tidying: emptyClass() }

  function startNext(): void {
    for (const one of URGENCIES.map((urgency) => classes[urgency])) {
      if (one.isBusy) return
      const start = one.waiting.shift()
      if (!start) continue
      one.isBusy = true
      start()
      return
    }
  }

  return {
    async write(urgency, call) {
      const own = classes[urgency]
      await new Promise<void>((start) => {
        own.waiting.push(start)
        startNext()
      })
      const release = () => {
        own.isBusy = false
        startNext()
      }
      return await repeat(call, release)
    },
  }
}

/**
 * The class stays busy while a write is repeated. If AWS throttles the last attempt too, the class stays busy for one
 * more pause, although the write has already failed.
 */
async function repeat<T>(call: () => Promise<T>, release: () => void, attempt = 1): Promise<T> {
  try {
    const answer = await call()
    release()
    return answer
  } catch (error) {
    const pauseMs = pauseAfter(error, attempt)
    if (attempt < ATTEMPTS && isWorthRepeating(error)) {
      await wait(pauseMs)
      return await repeat(call, release, attempt + 1)
    }
    if (isThrottled(error)) void wait(pauseMs, undefined, { ref: false }).then(release)
    else release()
    throw error
  }
}

/** Half of the pause is random, so that processes that AWS refused together do not repeat together. */
function pauseAfter(error: unknown, attempt: number): number {
  const longestMs = (isThrottled(error) ? THROTTLED_PAUSE_MS : COLLIDED_PAUSE_MS) * 2 ** (attempt - 1)
  return longestMs / 2 + (longestMs / 2) * Math.random()
}
