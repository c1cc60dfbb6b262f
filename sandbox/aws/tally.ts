import type { AskedCall } from './call.ts'

/** Counts of calls. A call counts even if the caller got no reply. */
export interface Tally {
  /** Calls that reached the sandbox. */
  readonly arrived: number
  /** Calls that had their effect, whether or not the reply was lost. */
  readonly done: number
  /** Calls answered with an error, injected errors included. */
  readonly refused: number
  /** Calls whose connection was cut before or after the effect. */
  readonly lost: number
}

interface Counted {
  readonly call: AskedCall
  outcome: 'done' | 'refused' | undefined
  lost: boolean
}

export function sandboxTally() {
  const counted = new Map<AskedCall, Counted>()
  return {
    arrived: (call: AskedCall) => void counted.set(call, { call, outcome: undefined, lost: false }),
    carried(call: AskedCall, outcome: 'done' | 'refused') {
      const one = counted.get(call)
      if (one !== undefined) one.outcome = outcome
    },
    lost(call: AskedCall) {
      const one = counted.get(call)
      if (one !== undefined) one.lost = true
    },
    of(isMeant: (call: AskedCall) => boolean): Tally {
      const meant = [...counted.values()].filter(({ call }) => isMeant(call))
      return {
        arrived: meant.length,
        done: meant.filter(({ outcome }) => outcome === 'done').length,
        refused: meant.filter(({ outcome }) => outcome === 'refused').length,
        lost: meant.filter(({ lost }) => lost).length,
      }
    },
  }
}
