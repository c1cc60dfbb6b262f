import type { Problem } from './layout.ts'

/**
 * A refusal that only browsers can get, with the text of its page. It is counted but not audited: the sender is not
 * signed in, or another site may have made their browser send the form.
 */
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
