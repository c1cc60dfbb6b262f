import type { GrantView } from './grant-view.ts'
import type { RequestAndGrant } from './read-view.ts'
import type { RequestView } from './request-view.ts'

/** One status for a request and its grant together. */
export type DisplayStatus =
  | Exclude<RequestView['status'], 'approved'>
  | Exclude<GrantView['status'], 'expired' | 'revoked'>
  /** The request was approved, and its grant is not in the view: another message shows the grant. */
  | 'approved'
  /** The grant is being revoked before it was ever active. */
  | 'failing'
  /** The grant was revoked before it was ever active: nobody could use it. */
  | 'failed'
  | 'expired'
  | 'revoked'

/** The role in which a person reads a card. `everybody`: the card is in a conversation of several people. */
export type ReaderRole = 'requester' | 'approver' | 'everybody'

export function displayStatusOf({ request, grant }: RequestAndGrant): DisplayStatus {
  if (request.status !== 'approved') return request.status
  if (!grant) return 'approved'
  const wasNeverActive = grant.activatedAt === null
  if (grant.status === 'revoking' && wasNeverActive) return 'failing'
  if (grant.status === 'revoked' && wasNeverActive) return 'failed'
  return grant.status
}

const OVER: ReadonlySet<DisplayStatus> = new Set([
  'approved',
  'denied',
  'cancelled',
  'lapsed',
  'failed',
  'expired',
  'revoked',
])

/** True when nothing will change any more that the reader of a card must see at once. */
export function isOver(status: DisplayStatus): boolean {
  return OVER.has(status)
}
