/**
 * The refusal of an activity, before it reaches the bot. The caller gets one text for each status; only the log has the
 * reason.
 */
export class Refused extends Error {
  override readonly name = 'Refused'
  readonly status: 400 | 401 | 403
  /** Why the activity was refused, as a code for the log. */
  readonly reason: string

  constructor(status: 400 | 401 | 403, reason: string) {
    super(reason)
    this.status = status
    this.reason = reason
  }
}
