import { setTimeout as sleep } from 'node:timers/promises'
import type { CallDescription, ServiceName } from './call.ts'

/** What tests do to replies, from outside: there is no hook in `src`. */

export interface Matcher {
  readonly service?: ServiceName
  readonly action?: string
  /** Every one given must be equal to the call's. */
  readonly parameters?: Readonly<Record<string, unknown>>
}

export interface HoldOptions {
  /** `before` its effect, or `after` it with only the reply held back (default). */
  readonly when?: 'before' | 'after'
}

export interface Held {
  /** A matching call has arrived and is held. */
  readonly arrived: Promise<CallDescription>
  release(): void
  /** Cuts the connection. What was held before its effect never has one. */
  drop(): void
}

export interface Failure {
  readonly code: string
  readonly status: number
  readonly message?: string
  /** How many calls it meets before it is spent; default 1. */
  readonly times?: number
}

/** What becomes of one call before or after its effect. */
export type Fate = 'go' | 'cut' | { readonly code: string; readonly status: number; readonly message: string }

export interface Faults {
  hold(matcher: Matcher, options?: HoldOptions): Held
  /** Answers the error; no effect. */
  fail(matcher: Matcher, failure: Failure): void
  /** The effect happens, then the connection is cut. */
  loseReply(matcher: Matcher, times?: number): void
  /** Waits in real time before the effect. */
  delay(matcher: Matcher, ms: number, times?: number): void
  /** Forgets every fault; what is held goes on. */
  clear(): void
  /** For the server only. */
  before(call: CallDescription): Promise<Fate>
  after(call: CallDescription): Promise<Fate>
}

interface Fault {
  readonly matcher: Matcher
  readonly when: 'before' | 'after'
  left: number
  meet(call: CallDescription): Promise<Fate> | Fate
}

function fits(matcher: Matcher, call: CallDescription): boolean {
  if (matcher.service !== undefined && matcher.service !== call.service) return false
  if (matcher.action !== undefined && matcher.action !== call.action) return false
  return Object.entries(matcher.parameters ?? {}).every(([name, value]) => call.parameters[name] === value)
}

interface Pending<T> {
  readonly promise: Promise<T>
  resolve(value: T): void
}

/** Node 20 has no Promise.withResolvers. */
function pending<T>(): Pending<T> {
  let resolve: (value: T) => void = () => {}
  const promise = new Promise<T>((settle) => {
    resolve = settle
  })
  return { promise, resolve: (value) => resolve(value) }
}

export function sandboxFaults(): Faults {
  let faults: Fault[] = []
  const held = new Set<Pending<Fate>>()

  async function meet(when: Fault['when'], call: CallDescription): Promise<Fate> {
    for (const fault of [...faults]) {
      if (fault.when !== when || fault.left <= 0 || !fits(fault.matcher, call)) continue
      fault.left -= 1
      if (fault.left === 0) faults = faults.filter((one) => one !== fault)
      const fate = await fault.meet(call)
      if (fate !== 'go') return fate
    }
    return 'go'
  }

  function hold(matcher: Matcher, options: HoldOptions = {}): Held {
    const arrived = pending<CallDescription>()
    const fate = pending<Fate>()
    faults.push({
      matcher,
      when: options.when ?? 'after',
      left: 1,
      meet(call) {
        arrived.resolve(call)
        return fate.promise
      },
    })
    held.add(fate)
    return { arrived: arrived.promise, release: () => fate.resolve('go'), drop: () => fate.resolve('cut') }
  }

  return {
    hold,
    fail(matcher, { code, status, message = 'Injected by the sandbox', times = 1 }) {
      faults.push({ matcher, when: 'before', left: times, meet: () => ({ code, status, message }) })
    },
    loseReply(matcher, times = 1) {
      faults.push({ matcher, when: 'after', left: times, meet: () => 'cut' })
    },
    delay(matcher, ms, times = 1) {
      faults.push({ matcher, when: 'before', left: times, meet: () => sleep(ms).then(() => 'go' as const) })
    },
    clear() {
      faults = []
      for (const fate of held) fate.resolve('go')
      held.clear()
    },
    before: (call) => meet('before', call),
    after: (call) => meet('after', call),
  }
}
