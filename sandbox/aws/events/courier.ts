import { setTimeout as sleep } from 'node:timers/promises'
import type { SandboxClock } from '../clock.ts'
import {
  type Answer,
  type Attempt,
  backoffMs,
  type Delivery,
  type Invocation,
  invoke,
  isDelivered,
  isRetried,
  type Undelivered,
} from './delivery.ts'
import type { BusEvent } from './trail.ts'

export interface CourierOptions {
  /** Real back-off times are multiplied by this; tests shorten them. Default 1. */
  readonly backoffFactor?: number
  /** PEM of a certificate authority that https endpoints may use. */
  readonly ca?: string
  /** Receives each event that was given up, for the dead-letter queue. */
  readonly onGivenUp?: (lost: Undelivered) => void
}

/** Delivers events. A test decides which are late, duplicated, reordered or lost, as CloudTrail and EventBridge may do. */
export interface Courier {
  send(delivery: Delivery): void
  /** Sends nothing until `resume`, which sends the queued events in order or in reverse order. */
  pause(): void
  resume(order?: 'in-order' | 'reversed'): void
  /** Real milliseconds to wait before each first attempt. */
  delay(ms: number): void
  /** Sends the next `times` events that match twice. */
  duplicate(times: number, fits?: (event: BusEvent) => boolean): void
  /** Never sends the next `times` events that match: CloudTrail's delivery is best effort. */
  drop(times: number, fits?: (event: BusEvent) => boolean): void
  attempts(): readonly Attempt[]
  undelivered(): readonly Undelivered[]
  /** Resolves when no delivery is in progress. Paused events do not count. */
  idle(): Promise<void>
  stop(): Promise<void>
}

/** The largest number of requests at the same time. */
const AT_ONCE = 50

interface Countdown {
  left: number
  fits(event: BusEvent): boolean
}

function meets(countdowns: readonly Countdown[], event: BusEvent): boolean {
  const countdown = countdowns.find(({ left, fits }) => left > 0 && fits(event))
  if (countdown === undefined) return false
  countdown.left -= 1
  return true
}

export function courier(clock: SandboxClock, options: CourierOptions = {}): Courier {
  const attempts: Attempt[] = []
  const undelivered: Undelivered[] = []
  const underway = new Set<Promise<void>>()
  const waiting: Delivery[] = []
  const drops: Countdown[] = []
  const doubles: Countdown[] = []
  const stopped = new AbortController()
  let kept: Delivery[] | undefined
  let delayMs = 0

  function enqueue(delivery: Delivery): void {
    waiting.push(delivery)
    next()
  }

  function next(): void {
    if (underway.size >= AT_ONCE || stopped.signal.aborted) return
    const delivery = waiting.shift()
    if (delivery === undefined) return
    const work = deliver(delivery).finally(() => {
      underway.delete(work)
      next()
    })
    underway.add(work)
  }

  async function pauseFor(ms: number): Promise<boolean> {
    if (ms === 0) return !stopped.signal.aborted
    try {
      await sleep(ms, undefined, { signal: stopped.signal })
      return true
    } catch {
      // Only stop() ends the wait early.
      return false
    }
  }

  async function deliver(delivery: Delivery): Promise<void> {
    const acceptedAt = clock.now()
    if (!(await pauseFor(delayMs))) return
    for (let number = 1; ; number += 1) {
      const resolved = delivery.resolve()
      if (!('endpoint' in resolved)) return giveUp(delivery, resolved.code, resolved.message, number - 1)
      const answer = await attempt(resolved, delivery.event)
      if (stopped.signal.aborted) return
      const retryInMs = retryOf(delivery, answer, number, acceptedAt)
      attempts.push({ eventId: delivery.event.id, number, status: answer.status, retryInMs })
      if (isDelivered(answer)) return
      if (retryInMs === undefined) {
        return giveUp(delivery, errorCode(answer), `The endpoint answered ${answer.status ?? 'nothing'}`, number - 1)
      }
      if (!(await pauseFor(Math.ceil(retryInMs * (options.backoffFactor ?? 1))))) return
    }
  }

  function attempt(invocation: Invocation, event: BusEvent): Promise<Answer> {
    return invoke(invocation, JSON.stringify(event), { ca: options.ca, signal: stopped.signal })
  }

  function retryOf({ target }: Delivery, answer: Answer, number: number, acceptedAt: number): number | undefined {
    const tooOld = clock.now() - acceptedAt > target.longestAgeSeconds * 1000
    if (isDelivered(answer) || !isRetried(answer) || number > target.retries || tooOld) return undefined
    return backoffMs(number, answer.retryAfter, clock.now())
  }

  function giveUp({ event, ruleArn, target }: Delivery, code: string, message: string, retryAttempts: number): void {
    const { arn: targetArn, deadLetterArn } = target
    const lost = { event, ruleArn, targetArn, deadLetterArn, errorCode: code, errorMessage: message, retryAttempts }
    undelivered.push(lost)
    options.onGivenUp?.(lost)
  }

  return {
    send(delivery) {
      if (meets(drops, delivery.event)) return
      const copies = meets(doubles, delivery.event) ? [delivery, delivery] : [delivery]
      for (const copy of copies) {
        if (kept === undefined) enqueue(copy)
        else kept.push(copy)
      }
    },
    pause() {
      kept ??= []
    },
    resume(order = 'in-order') {
      const leaving = kept ?? []
      kept = undefined
      for (const delivery of order === 'reversed' ? leaving.reverse() : leaving) enqueue(delivery)
    },
    delay(ms) {
      delayMs = ms
    },
    duplicate: (times, fits = () => true) => void doubles.push({ left: times, fits }),
    drop: (times, fits = () => true) => void drops.push({ left: times, fits }),
    attempts: () => [...attempts],
    undelivered: () => [...undelivered],
    async idle() {
      while (underway.size > 0) await Promise.all(underway)
    },
    async stop() {
      stopped.abort()
      await Promise.all(underway)
    },
  }
}

function errorCode({ status }: Answer): string {
  return status === undefined ? 'SDK_CLIENT_ERROR' : 'INVOCATION_FAILURE'
}
