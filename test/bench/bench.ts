/** The type of a bench, and the comparison of its number with its goal. */

export interface Measured {
  readonly value: number
  /** As shown to people: `≥ 1.0`. */
  readonly goal: string
  readonly meets: boolean
  /** One line with the numbers of both sides. */
  readonly detail: string
}

export type Say = (line: string) => void

export interface Bench {
  readonly name: string
  readonly run: (say: Say) => Promise<Measured>
}

/** One row of the table and one object of the JSON. */
export interface Row extends Measured {
  readonly name: string
}

export function atLeast(goal: number, value: number, detail: string): Measured {
  return { value, goal: `≥ ${goal}`, meets: value >= goal, detail }
}

export function atMost(goal: number, value: number, detail: string): Measured {
  return { value, goal: `≤ ${goal}`, meets: value <= goal, detail }
}

/** An exact count. */
export function exactly(goal: number, value: number, detail: string): Measured {
  return { value, goal: `= ${goal}`, meets: value === goal, detail }
}
