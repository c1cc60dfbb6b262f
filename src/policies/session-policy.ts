import { LatchkeyError } from '../errors.ts'
import { type BucketFacts, grantStatements, iamDocument, type PolicyTerms } from './grant-statements.ts'

/** STS API reference, AssumeRole: plain text of session policy and managed policies together, white space counted. */
export const SESSION_POLICY_CHARACTERS = 2_048

/**
 * The session policy of a grant: exactly these scopes and levels, until `endsAt`. The same order always gives the same text.
 * What it allows is met with what the role allows; it can never give more than the role has.
 */
export function sessionPolicy(order: PolicyTerms, bucket: BucketFacts): string {
  const document = iamDocument(grantStatements(order, bucket))
  if (policySize(document) > SESSION_POLICY_CHARACTERS) refuseSize(policySize(document))
  return document
}

/** As STS counts it: characters of the text as it is sent. */
export function policySize(document: string): number {
  return document.length
}

function refuseSize(size: number): never {
  throw new LatchkeyError('QUOTA_FULL', {
    quota: `What AWS takes in one session policy (${SESSION_POLICY_CHARACTERS} characters; this one needs ${size})`,
    next: 'Ask for fewer scopes at once, for shorter prefixes, or for one prefix above them.',
  })
}
