/**
 * Every refusal that a person or a program can get: a code and its facts. Both give one sentence with the next step.
 */

export const HTTP_STATUS = {
  BAD_INPUT: 400,
  NOT_SIGNED_IN: 401,
  NOT_YOURS_TO_DECIDE: 403,
  NOT_FOUND: 404,
  CONFLICT: 409,
  OVER: 410,
  TOO_LARGE: 413,
  NOT_ELIGIBLE: 422,
  QUOTA_FULL: 422,
  TOO_MANY: 429,
  AWS_REFUSED: 502,
  UNAVAILABLE: 503,
} as const

export type ErrorCode = keyof typeof HTTP_STATUS

type Thing = 'request' | 'grant' | 'page'

/**
 * The facts that the sentence of each code needs. `problem`, `reason` and `next` are whole sentences. Times are ISO
 * 8601 UTC.
 */
export interface ErrorFacts {
  BAD_INPUT: { readonly problem: string }
  NOT_SIGNED_IN: { readonly lacks?: 'second-factor' }
  NOT_YOURS_TO_DECIDE: { readonly reason: string }
  NOT_FOUND: { readonly thing: Thing }
  CONFLICT: {
    readonly thing: Thing
    /**
     * The state that rules the action out. `not-yet`: the grant is still being activated. `changed`: the caller saw
     * another version. Absent: the record changed between read and write.
     */
    readonly outcome?: string
    readonly by?: string
    readonly at?: string
    /** The open request that already asks for the same extension. */
    readonly id?: string
  }
  OVER: {
    readonly thing: Thing
    readonly at: string
    /** Id of the grant: a caller may have several grants in their AWS tools. */
    readonly id?: string
  }
  TOO_LARGE: { readonly limitBytes: number }
  NOT_ELIGIBLE: {
    readonly reason: string
    readonly mayAsk: readonly string[]
    /** Who can correct the cause. Absent: the owner of the bucket. */
    readonly tell?: 'an owner of Latchkey'
  }
  QUOTA_FULL: { readonly quota: string; readonly next: string }
  TOO_MANY: { readonly limit: string; readonly next: string }
  AWS_REFUSED: {
    readonly doing: string
    readonly awsCode: string
    readonly next: string
    /**
     * `Latchkey`: Latchkey refused, not AWS. What it found in AWS is not as Latchkey, the rules or the approval demand,
     * or Latchkey has no way into the account.
     */
    readonly by?: 'Latchkey'
  }
  UNAVAILABLE: {
    /** `this account`: Latchkey itself keeps the account closed, see `refuseUnlessReady`. */
    readonly what: 'the directory' | 'AWS' | 'the record' | 'this account'
    readonly retryAfterSeconds: number
    /** The call was sent, and no answer came. */
    readonly perhapsDone?: true
  }
}

const SENTENCES: { readonly [C in ErrorCode]: (facts: ErrorFacts[C]) => string } = {
  BAD_INPUT: ({ problem }) => problem,
  NOT_SIGNED_IN: ({ lacks }) =>
    lacks === undefined
      ? 'You are not signed in. Run `latchkey login` and try again.'
      : 'This grant wants a sign-in with a second factor, and yours had none. Run `latchkey login`, or sign out of this page and in again, and confirm with your second factor.',
  NOT_YOURS_TO_DECIDE: ({ reason }) => `This request is not yours to decide. ${reason}`,
  NOT_FOUND: ({ thing }) => `There is no such ${thing}, or it is not yours to see. Check the id.`,
  CONFLICT: writeConflict,
  OVER: ({ thing, at, id }) =>
    `${id === undefined ? `This ${thing}` : `Grant ${id}`} ended at ${at}. Ask again if you still need access.`,
  TOO_LARGE: ({ limitBytes }) => `That is more than ${limitBytes} bytes. Send less.`,
  NOT_ELIGIBLE: ({ reason, mayAsk, tell }) => {
    if (tell !== undefined) return `${reason} Tell ${tell}.`
    return mayAsk.length > 0
      ? `${reason} You may ask for: ${mayAsk.join('; ')}.`
      : `${reason} Ask the owner of the bucket.`
  },
  QUOTA_FULL: ({ quota, next }) => `${quota} is full. ${next}`,
  TOO_MANY: ({ limit, next }) => `${limit} ${next}`,
  AWS_REFUSED: ({ doing, awsCode, next, by }) =>
    by === undefined ? `AWS refused ${doing} (${awsCode}). ${next}` : `${by} refused ${doing}. ${next}`,
  UNAVAILABLE: unavailable,
}

function unavailable({ what, retryAfterSeconds, perhapsDone }: ErrorFacts['UNAVAILABLE']): string {
  if (perhapsDone)
    return `Latchkey lost ${what} before it answered. What you asked for may have been done. Look again in ${retryAfterSeconds} seconds before you repeat it.`
  const why =
    what === 'this account'
      ? 'This account is being made safe, because what Latchkey knew of it is new, was lost or was put back.'
      : `Latchkey cannot reach ${what} at the moment.`
  return `${why} Nothing was changed. Try again in ${retryAfterSeconds} seconds.`
}

function writeConflict({ thing, outcome, by, at, id }: ErrorFacts['CONFLICT']): string {
  if (id !== undefined) return `You already asked to extend it: ${id}. Wait for an answer, or cancel that one first.`
  if (outcome === undefined || outcome === 'changed')
    return `This ${thing} changed meanwhile. Look again and repeat what you wanted to do.`
  if (outcome === 'not-yet') return `This ${thing} is still being activated. Try again in a few seconds.`
  return `This ${thing} was already ${outcome}${by ? ` by ${by}` : ''}${at ? ` at ${at}` : ''}. Nothing was changed.`
}

/** @example new LatchkeyError('NOT_FOUND', { thing: 'grant' }).message // "There is no such grant, or it is not yours to see. …" */
export class LatchkeyError<C extends ErrorCode = ErrorCode> extends Error {
  override readonly name = 'LatchkeyError'
  readonly code: C
  readonly facts: ErrorFacts[C]

  constructor(code: C, facts: ErrorFacts[C], options?: ErrorOptions) {
    super(SENTENCES[code](facts), options)
    this.code = code
    this.facts = facts
  }

  get httpStatus(): number {
    return HTTP_STATUS[this.code]
  }
}

export function isLatchkeyError<C extends ErrorCode>(error: unknown, code: C): error is LatchkeyError<C> {
  return error instanceof LatchkeyError && error.code === code
}
