import type { Problem } from './layout.ts'

/** What only a browser can meet: the sentence is for its page. Counted, never stored: whoever it was is not known to have meant it. */
export class PageProblem extends Error {
  override readonly name = 'PageProblem'
  readonly problem: Problem

  constructor(problem: Problem, options?: ErrorOptions) {
    super(problem.title, options)
    this.problem = problem
  }

  static foreignForm(): PageProblem {
    return new PageProblem({
      status: 403,
      title: 'Nothing was changed',
      sentence:
        'This form did not come from a page that you have open here now. Open the request again and decide there.',
    })
  }
}
