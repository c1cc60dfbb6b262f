import type { GrantView } from './grant-view.ts'
import type { RequestAndGrant } from './read-view.ts'
import type { RequestView } from './request-view.ts'

/** Where a request and its grant stand together. `approved`: what follows is told elsewhere. `failed`: nobody could use it. */
export type DisplayStatus =
  | Exclude<RequestView['status'], 'approved'>
  | Exclude<GrantView['status'], 'expired' | 'revoked'>
  | 'approved'
  | 'failing'
  | 'failed'
  | 'expired'
  | 'revoked'

/** In which part somebody reads a card. */
export type ReaderRole = 'requester' | 'approver' | 'everybody'

export function displayStatusOf({ request, grant }: RequestAndGrant): DisplayStatus {
  if (request.status !== 'approved') return request.status
  if (!grant) return 'approved'
  const isUnused = grant.activatedAt === null
  if (grant.status === 'revoking' && isUnused) return 'failing'
  if (grant.status === 'revoked' && isUnused) return 'failed'
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

/** Nothing more will come that its reader must see at once. */
export function isOver(status: DisplayStatus): boolean {
  return OVER.has(status)
}
