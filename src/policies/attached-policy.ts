import { type BucketFacts, grantStatements, iamDocument, type PolicyTerms } from './grant-statements.ts'

interface AttachTerms extends PolicyTerms {
  /** `userid`: the value of `aws:userid` in every request of the person. */
  readonly principal: { readonly userid: string }
  /** ISO 8601, whole seconds. */
  readonly startsAt: string
}

/**
 * Unique id of a user, or of a role with a session name. It contains no character that IAM reads as a wildcard or
 * variable.
 */
const USERID = /^(?:AIDA[A-Z0-9]+|AROA[A-Z0-9]+:[\w+=,.@-]{2,64})$/

/**
 * The inline policy of a grant on the person's own role or user. It only allows, only for the given `aws:userid`, and
 * only from `startsAt` until `endsAt`. The same order always gives the same text.
 * @throws TypeError for a malformed `userid`
 */
export function attachDocument(order: AttachTerms, bucket: BucketFacts): string {
  const { userid } = order.principal
  if (!USERID.test(userid)) throw new TypeError('An attached policy must be bound to one aws:userid')
  return iamDocument(
    grantStatements(order, bucket, {
      StringEquals: { 'aws:userid': userid },
      DateGreaterThanEquals: { 'aws:CurrentTime': order.startsAt },
    }),
  )
}
