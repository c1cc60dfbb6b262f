import type { Bucket } from '../rules/rules-file.ts'
import type { AttachPrincipal, GrantOrder } from './driver.ts'
import { sessionPolicy } from './iam-document.ts'

type Written = Pick<
  GrantOrder<AttachPrincipal>,
  'principal' | 'scopes' | 'levels' | 'conditions' | 'startsAt' | 'endsAt'
>

/**
 * The inline policy of a grant on the person's own role or user: Allow only, for nobody but the session or user that it is bound to, from
 * `startsAt` until `endsAt`. The same order always gives the same text.
 */
export function attachDocument(order: Written, _bucket: Pick<Bucket, 'region' | 'kmsKey'>): string {
  const bound = {
    StringEquals: { 'aws:userid': order.principal.userid },
    DateGreaterThanEquals: { 'aws:CurrentTime': order.startsAt },
  }
  const { Version, Statement } = JSON.parse(sessionPolicy(order))
  return JSON.stringify({
    Version,
    Statement: Statement.map((one: { readonly Condition: object }) => ({
      ...one,
      Condition: { ...bound, ...one.Condition },
    })),
  })
}
