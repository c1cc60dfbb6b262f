import { iamTime } from '../policies/iam-time.ts'
import { parseScope } from '../rules/scope.ts'
import type { GrantOrder } from './driver.ts'
import { GenuineGrant } from './genuine-grant.ts'
import type { Grant } from './grant.ts'

/** AWS's clock may be behind ours: what was granted is usable at once all the same. */
const EARLY_MS = 60_000

/** What AWS is asked to allow: the terms that the yes was given to, and the end. @throws when no end is fixed: nothing is ever asked without one. */
export function orderOf(genuine: GenuineGrant): GrantOrder {
  if (!GenuineGrant.isOne(genuine))
    throw new Error('AWS may be asked for a genuine grant only; this one was not checked.')
  return toOrder(genuine.grant)
}

/** As long as a worker has not written an extension, AWS holds what a yes before it was worth: that is in the terms, so no record can say it anew. */
export function ordersHeld(genuine: GenuineGrant): readonly GrantOrder[] {
  const { grant } = genuine
  const { conditions: _, ...terms } = grant.terms
  const earlier = grant.unwritten ? (terms.earlier ?? []) : []
  return [
    orderOf(genuine),
    ...earlier.map(({ endsAt, approver: _by, ...yes }) => toOrder({ ...grant, terms: { ...terms, ...yes }, endsAt })),
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
