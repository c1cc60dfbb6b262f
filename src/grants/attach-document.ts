import type { AttachPrincipal, GrantOrder } from './driver.ts'
import { type BucketFacts, grantStatements, iamDocument } from './iam-document.ts'

type Written = Pick<
  GrantOrder<AttachPrincipal>,
  'principal' | 'scopes' | 'levels' | 'conditions' | 'startsAt' | 'endsAt'
>

/**
 * The inline policy of a grant on the person's own role or user: Allow only, for nobody but the session or user that it is bound to, from
 * `startsAt` until `endsAt`. The same order always gives the same text.
 */
export function attachDocument(order: Written, bucket: BucketFacts): string {
  const binding = {
    StringEquals: { 'aws:userid': order.principal.userid },
    DateGreaterThanEquals: { 'aws:CurrentTime': order.startsAt },
  }
  return iamDocument(grantStatements(order, bucket, binding))
}
