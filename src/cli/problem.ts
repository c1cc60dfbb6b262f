/** What a person at a terminal is told: one sentence with the next step, exit status 1. */
export class Problem extends Error {
  override readonly name = 'Problem'
}
