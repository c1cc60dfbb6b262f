import { LatchkeyError } from '../errors.ts'
import { type BucketFacts, grantStatements, iamDocument, type PolicyTerms } from './grant-statements.ts'

/** Characters of the session policy, with white space (STS API reference, AssumeRole). */
export const SESSION_POLICY_CHARACTERS = 2_048

/**
 * The session policy of a grant. It allows exactly the scopes and levels, until `endsAt`; a session may only do what
 * both this policy and the role allow. The same order always gives the same text.
 * @throws QUOTA_FULL when it is longer than STS accepts
 */
export function sessionPolicy(order: PolicyTerms, bucket: BucketFacts): string {
  const document = iamDocument(grantStatements(order, bucket))
  if (policySize(document) > SESSION_POLICY_CHARACTERS) refuseSize(policySize(document))
  return document
}

/** The size as STS counts it: characters of the text that is sent. */
export function policySize(document: string): number {
  return document.length
}

function refuseSize(size: number): never {
  throw new LatchkeyError('QUOTA_FULL', {
    quota: `What AWS takes in one session policy (${SESSION_POLICY_CHARACTERS} characters; this one needs ${size})`,
    next: 'Ask for fewer scopes at once, for shorter prefixes, or for one prefix above them.',
  })
}
