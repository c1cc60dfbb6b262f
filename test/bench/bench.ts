/** What every bench is, and how its number is compared with its goal. */

export interface Measured {
  readonly value: number
  /** As people read it: `≥ 1.0`. */
  readonly goal: string
  readonly meets: boolean
  /** What was measured on both sides, in a line. */
  readonly detail: string
}

export type Say = (line: string) => void

export interface Bench {
  readonly name: string
  readonly run: (say: Say) => Promise<Measured>
}

/** One row of the table, and one object of the JSON. */
export interface Row extends Measured {
  readonly name: string
}

export function atLeast(goal: number, value: number, detail: string): Measured {
  return { value, goal: `≥ ${goal}`, meets: value >= goal, detail }
}

export function atMost(goal: number, value: number, detail: string): Measured {
  return { value, goal: `≤ ${goal}`, meets: value <= goal, detail }
}

/** A count that is exact. */
export function exactly(goal: number, value: number, detail: string): Measured {
  return { value, goal: `= ${goal}`, meets: value === goal, detail }
}
