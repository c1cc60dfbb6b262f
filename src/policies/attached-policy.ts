import { type BucketFacts, grantStatements, iamDocument, type PolicyTerms } from './grant-statements.ts'

interface Written extends PolicyTerms {
  /** `userid`: what `aws:userid` is in every request of theirs. */
  readonly principal: { readonly userid: string }
  /** ISO 8601, whole seconds. */
  readonly startsAt: string
}

/** A unique id of a user, or of a role with a session's name: neither can hold what IAM reads as a wildcard or a variable. */
const USERID = /^(?:AIDA[A-Z0-9]+|AROA[A-Z0-9]+:[\w+=,.@-]{2,64})$/

/**
 * The inline policy of a grant on the person's own role or user: Allow only, for nobody but the session or user that it is bound to, from
 * `startsAt` until `endsAt`. The same order always gives the same text.
 */
export function attachDocument(order: Written, bucket: BucketFacts): string {
  const { userid } = order.principal
  if (!USERID.test(userid)) throw new TypeError('A policy on a role or user is never written without whom it is for')
  return iamDocument(
    grantStatements(order, bucket, {
      StringEquals: { 'aws:userid': userid },
      DateGreaterThanEquals: { 'aws:CurrentTime': order.startsAt },
    }),
  )
}
