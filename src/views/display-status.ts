import type { GrantView } from './grant-view.ts'
import type { Shown } from './read-view.ts'
import type { RequestView } from './request-view.ts'

/** Where a request and its grant stand together. `approved`: what follows is told elsewhere. `failed`: nobody could use it. */
export type Stage =
  | Exclude<RequestView['status'], 'approved'>
  | Exclude<GrantView['status'], 'expired' | 'revoked'>
  | 'approved'
  | 'failing'
  | 'failed'
  | 'expired'
  | 'revoked'

/** In which part somebody reads a card. */
export type Part = 'requester' | 'approver' | 'everybody'

export function stageOf({ request, grant }: Shown): Stage {
  if (request.status !== 'approved') return request.status
  if (!grant) return 'approved'
  const isUnused = grant.activatedAt === null
  if (grant.status === 'revoking' && isUnused) return 'failing'
  if (grant.status === 'revoked' && isUnused) return 'failed'
  return grant.status
}

const OVER: ReadonlySet<Stage> = new Set(['approved', 'denied', 'cancelled', 'lapsed', 'failed', 'expired', 'revoked'])

/** Nothing more will come that its reader must see at once. */
export function isOver(stage: Stage): boolean {
  return OVER.has(stage)
}
