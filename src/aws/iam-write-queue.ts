import { setTimeout as wait } from 'node:timers/promises'
import { URGENCIES, type Urgency } from '../grants/driver.ts'
import { isThrottled, isWorthRepeating } from './aws-error.ts'

const ATTEMPTS = 3
const RACED_MS = 100
/** IAM publishes no rates: this is how long it is left alone, twice as long each time. */
const THROTTLED_MS = 500

export interface IamWriteQueue {
  /** Carries out one write when its turn has come, and repeats it where AWS asks for that: a write must be harmless twice. */
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
 * One write of a class at a time, in the order in which they came. A class never waits for a lower one. A lower one waits while a higher is
 * waiting, under way, or left alone by request of AWS: what AWS still takes then goes to the more urgent.
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
      const leave = () => {
        own.isBusy = false
        startNext()
      }
      return await repeat(call, leave)
    },
  }
}

/** The place in the lane is kept while a write is repeated, and, where AWS still throttles, for as long again after it was given up. */
async function repeat<T>(call: () => Promise<T>, leave: () => void, attempt = 1): Promise<T> {
  try {
    const answer = await call()
    leave()
    return answer
  } catch (error) {
    const pauseMs = pauseAfter(error, attempt)
    if (attempt < ATTEMPTS && isWorthRepeating(error)) {
      await wait(pauseMs)
      return await repeat(call, leave, attempt + 1)
    }
    if (isThrottled(error)) void wait(pauseMs, undefined, { ref: false }).then(leave)
    else leave()
    throw error
  }
}

/** Half of it by chance, so that processes that were refused together do not come again together. */
function pauseAfter(error: unknown, attempt: number): number {
  const mostMs = (isThrottled(error) ? THROTTLED_MS : RACED_MS) * 2 ** (attempt - 1)
  return mostMs / 2 + (mostMs / 2) * Math.random()
}
