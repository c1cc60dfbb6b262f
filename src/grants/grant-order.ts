import { iamTime } from '../policies/iam-time.ts'
import { parseScope } from '../rules/scope.ts'
import type { GrantOrder } from './driver.ts'
import type { Grant } from './grant.ts'

/** AWS's clock may be behind ours: what was granted is usable at once all the same. */
const EARLY_MS = 60_000

/** What AWS is asked to allow: the terms that the yes was given to, and the end. @throws when no end is fixed: nothing is ever asked without one. */
export function orderOf(grant: Grant): GrantOrder {
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
