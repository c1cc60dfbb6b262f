/** An error for a person at a terminal: one sentence with the next step. The exit status is 1. */
export class Problem extends Error {
  override readonly name: string = 'Problem'
}

/** A refusal of Latchkey's API. Its `code` is stable; its message may change. */
export class Refusal extends Problem {
  override readonly name = 'Refusal'
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}
