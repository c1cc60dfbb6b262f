/** What a person at a terminal is told: one sentence with the next step, exit status 1. */
export class Problem extends Error {
  override readonly name: string = 'Problem'
}

/** What Latchkey refused. `code` is stable, its words are not. */
export class Refusal extends Problem {
  override readonly name = 'Refusal'
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}
