/** Before anybody is known, and before anything is read: outside, each status has one text; only the log says the reason, as a code. */
export class Refused extends Error {
  override readonly name = 'Refused'
  readonly status: 400 | 401 | 403
  readonly reason: string

  constructor(status: 400 | 401 | 403, reason: string) {
    super(reason)
    this.status = status
    this.reason = reason
  }
}
