import type { AskedCall } from './faults.ts'

/** Counts of calls. What a caller never heard of counts too. */
export interface Tally {
  /** Every one that reached the sandbox. */
  readonly arrived: number
  /** Had its effect, whether or not its reply was lost. */
  readonly done: number
  /** Was answered with an error, an injected one too. */
  readonly refused: number
  /** Was cut off without a reply, before its effect or after it. */
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
