import { iamTime } from '../policies/iam-time.ts'
import { parseScope } from '../rules/scope.ts'
import type { GrantOrder } from './driver.ts'
import { GenuineGrant } from './genuine-grant.ts'
import type { Grant } from './grant.ts'

/** The start in the IAM document is this much earlier, so that access works at once when AWS's clock is behind. */
const EARLY_MS = 60_000

/**
 * What AWS is asked to allow: the approved terms and the end.
 * @throws Error when the grant has no end, because AWS is never asked to allow anything without one
 */
export function orderOf(genuine: GenuineGrant): GrantOrder {
  if (!GenuineGrant.isOne(genuine))
    throw new Error('AWS may be asked for a genuine grant only; this one was not checked.')
  return toOrder(genuine.grant)
}

/**
 * The orders whose policy AWS may hold. Until a worker has written an extension, AWS holds the policy of an earlier
 * approval. Earlier approvals are part of the terms, so the MAC covers them.
 */
export function ordersHeld(genuine: GenuineGrant): readonly GrantOrder[] {
  const { grant } = genuine
  const { conditions: _, ...terms } = grant.terms
  const earlier = grant.unwritten ? (terms.earlier ?? []) : []
  return [
    orderOf(genuine),
    ...earlier.map(({ endsAt, approver: _by, ...own }) => toOrder({ ...grant, terms: { ...terms, ...own }, endsAt })),
  ]
}

function toOrder(grant: Grant): GrantOrder {
  if (grant.endsAt === undefined) throw new Error(`Grant ${grant.id} has no end; AWS may not be asked for it.`)
  const { conditions, durationMinutes } = grant.terms
  const endsAtMs = Date.parse(grant.endsAt)
  return {
    grantId: grant.id,
    requester: grant.terms.requester,
    principal: grant.terms.principal,
    scopes: grant.terms.scopes.map(parseScope),
    levels: grant.terms.levels,
    ...(conditions === undefined ? {} : { conditions }),
    startsAt: iamTime(endsAtMs - durationMinutes * 60_000 - EARLY_MS),
    endsAt: iamTime(endsAtMs),
  }
}
