import type { Say } from '../bench.ts'
import { median } from './statistics.ts'
import { formatNumber } from './table.ts'

const ROUNDS = 5

/** Each side measures once and returns one number in the same unit. */
export interface Sides {
  readonly latchkey: () => Promise<number>
  readonly baseline: () => Promise<number>
}

export interface Compared {
  /** Median of the rounds' ratios: Latchkey's number divided by the baseline's. */
  readonly ratio: number
  readonly latchkey: number
  readonly baseline: number
}

/**
 * One unrecorded turn of each side, then five rounds of four turns: Latchkey, baseline, baseline, Latchkey, with the mean of each.
 * So other load on the machine, and growth from turn to turn, affect both sides alike.
 */
export async function compare({ latchkey, baseline }: Sides, unit: string, say: Say): Promise<Compared> {
  await latchkey()
  await baseline()
  const rounds: { readonly latchkey: number; readonly baseline: number }[] = []
  for (let round = 1; round <= ROUNDS; round += 1) {
    const [first, second, third, fourth] = [await latchkey(), await baseline(), await baseline(), await latchkey()]
    const measured = { latchkey: (first + fourth) / 2, baseline: (second + third) / 2 }
    rounds.push(measured)
    say(`round ${round} of ${ROUNDS}: ${inWords(measured, unit)}`)
  }
  return {
    ratio: median(rounds.map((round) => round.latchkey / round.baseline)),
    latchkey: median(rounds.map((round) => round.latchkey)),
    baseline: median(rounds.map((round) => round.baseline)),
  }
}

export function inWords({ latchkey, baseline }: Omit<Compared, 'ratio'>, unit: string): string {
  return `${formatNumber(latchkey)} against ${formatNumber(baseline)} ${unit}`
}
