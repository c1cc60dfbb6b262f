import { setTimeout as sleep } from 'node:timers/promises'
import type { AskedCall, CallDescription, ServiceName } from './call.ts'
import { sandboxTally, type Tally } from './tally.ts'

/** What a test can do to calls and replies from outside. `src` has no hook for it. */

export interface Matcher {
  readonly service?: ServiceName
  readonly action?: string
  /** The account of the caller. */
  readonly account?: string
  /** Each given parameter must equal the parameter of the call. */
  readonly parameters?: Readonly<Record<string, unknown>>
}

export interface HoldOptions {
  /** `before`: the call is held before its effect. `after` (default): only the reply is held. */
  readonly when?: 'before' | 'after'
  /** The number of calls to hold; default 1. */
  readonly times?: number
}

export interface Held {
  /** Resolves when a matching call has arrived and is held. */
  readonly arrived: Promise<CallDescription>
  release(): void
  /** Cuts the connection. A call held before its effect never has one. */
  drop(): void
}

export interface Failure {
  readonly code: string
  readonly status: number
  readonly message?: string
  /** The number of calls that fail; default 1. */
  readonly times?: number
}

/** Answers of AWS when it cannot or will not serve a call, for `fail`. */
export const THROTTLED = { code: 'Throttling', status: 400, message: 'Rate exceeded' } as const
export const CONCURRENT = {
  code: 'ConcurrentModification',
  status: 409,
  message: 'The request was rejected because multiple requests to change this object were submitted simultaneously.',
} as const
export const BROKEN = {
  code: 'ServiceFailure',
  status: 500,
  message: 'The request processing has failed because of an unknown error, exception or failure.',
} as const
export const UNAVAILABLE = {
  code: 'ServiceUnavailable',
  status: 503,
  message: 'The request has failed due to a temporary failure of the server.',
} as const

/** The shares of matching calls that get each fault, from 0 to 1 and 1 together at most. The same seed gives the same sequence. */
export interface Odds {
  readonly seed: number
  /** No effect; the connection is cut. */
  readonly drop?: number
  /** The effect happens; the connection is cut. */
  readonly lose?: number
  readonly throttle?: number
  readonly broken?: number
}

/** What happens to one call before or after its effect. */
export type Fate = 'go' | 'cut' | { readonly code: string; readonly status: number; readonly message: string }

export interface Faults {
  hold(matcher: Matcher, options?: HoldOptions): Held
  /** Answers the error without an effect. */
  fail(matcher: Matcher, failure: Failure): void
  /** Cuts the connection without an effect. */
  drop(matcher: Matcher, times?: number): void
  /** Lets the effect happen and cuts the connection. */
  loseReply(matcher: Matcher, times?: number): void
  /** Never answers, so that the caller times out. With `before` the call never has an effect. */
  silence(matcher: Matcher, options?: HoldOptions): void
  /** Waits in real time before the effect. */
  delay(matcher: Matcher, ms: number, times?: number): void
  atRandom(matcher: Matcher, odds: Odds): void
  /** Removes every fault. Held calls continue; silent ones are cut. */
  clear(): void
  /** Counts the matching calls so far by what happened to them. */
  tally(matcher?: Matcher): Tally
  /** Called by the server before the effect of a call. */
  before(call: AskedCall): Promise<Fate>
  carried(call: AskedCall, outcome: 'done' | 'refused'): void
  after(call: AskedCall): Promise<Fate>
}

interface Fault {
  readonly matcher: Matcher
  readonly when: 'before' | 'after'
  left: number
  meet(call: AskedCall): Promise<Fate> | Fate
}

function fits(matcher: Matcher, call: AskedCall): boolean {
  if (matcher.service !== undefined && matcher.service !== call.service) return false
  if (matcher.action !== undefined && matcher.action !== call.action) return false
  if (matcher.account !== undefined && matcher.account !== call.account) return false
  return Object.entries(matcher.parameters ?? {}).every(([name, value]) => call.parameters[name] === value)
}

interface Pending<T> {
  readonly promise: Promise<T>
  resolve(value: T): void
}

/** Promise.withResolvers, which Node 20 does not have. */
function pending<T>(): Pending<T> {
  let resolve: (value: T) => void = () => {}
  const promise = new Promise<T>((settle) => {
    resolve = settle
  })
  return { promise, resolve: (value) => resolve(value) }
}

/** The generator mulberry32: short, and the same on every machine. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

export function sandboxFaults(): Faults {
  let faults: Fault[] = []
  const held = new Set<Pending<Fate>>()
  const silent = new Set<Pending<Fate>>()
  const tally = sandboxTally()

  async function meet(when: Fault['when'], call: AskedCall): Promise<Fate> {
    for (const fault of [...faults]) {
      if (fault.when !== when || fault.left <= 0 || !fits(fault.matcher, call)) continue
      fault.left -= 1
      if (fault.left === 0) faults = faults.filter((one) => one !== fault)
      const fate = await fault.meet(call)
      if (fate !== 'go') return fate
    }
    return 'go'
  }

  function add(matcher: Matcher, when: Fault['when'], left: number, act: Fault['meet']): void {
    faults.push({ matcher, when, left, meet: act })
  }

  function hold(matcher: Matcher, { when = 'after', times = 1 }: HoldOptions = {}): Held {
    const arrived = pending<CallDescription>()
    const fate = pending<Fate>()
    add(matcher, when, times, (call) => {
      arrived.resolve(call)
      return fate.promise
    })
    held.add(fate)
    return { arrived: arrived.promise, release: () => fate.resolve('go'), drop: () => fate.resolve('cut') }
  }

  function atRandom(matcher: Matcher, { seed, drop = 0, lose = 0, throttle = 0, broken = 0 }: Odds): void {
    const draw = seeded(seed)
    const losing = new WeakSet<AskedCall>()
    add(matcher, 'before', Number.POSITIVE_INFINITY, (call) => {
      const drawn = draw()
      if (drawn < drop) return 'cut'
      if (drawn < drop + throttle) return THROTTLED
      if (drawn < drop + throttle + broken) return BROKEN
      if (drawn < drop + throttle + broken + lose) losing.add(call)
      return 'go'
    })
    add(matcher, 'after', Number.POSITIVE_INFINITY, (call) => (losing.has(call) ? 'cut' : 'go'))
  }

  return {
    hold,
    fail: (matcher, { code, status, message = 'Injected by the sandbox', times = 1 }) =>
      add(matcher, 'before', times, () => ({ code, status, message })),
    drop: (matcher, times = 1) => add(matcher, 'before', times, () => 'cut'),
    loseReply: (matcher, times = 1) => add(matcher, 'after', times, () => 'cut'),
    silence(matcher, { when = 'after', times = 1 } = {}) {
      const fate = pending<Fate>()
      silent.add(fate)
      add(matcher, when, times, () => fate.promise)
    },
    delay: (matcher, ms, times = 1) => add(matcher, 'before', times, () => sleep(ms).then(() => 'go' as const)),
    atRandom,
    clear() {
      faults = []
      for (const fate of held) fate.resolve('go')
      for (const fate of silent) fate.resolve('cut')
      held.clear()
      silent.clear()
    },
    tally: (matcher = {}) => tally.of((call) => fits(matcher, call)),
    async before(call) {
      tally.arrived(call)
      const fate = await meet('before', call)
      if (fate === 'cut') tally.lost(call)
      return fate
    },
    carried: tally.carried,
    async after(call) {
      const fate = await meet('after', call)
      if (fate === 'cut') tally.lost(call)
      return fate
    },
  }
}
