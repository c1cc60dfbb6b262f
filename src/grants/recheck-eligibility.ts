import type { Directory } from '../rules/directory.ts'
import { groupIdsOf } from '../rules/eligibility.ts'
import { readEligibility } from '../rules/read-eligibility.ts'
import type { Rules } from '../rules/rules.ts'
import { parseScope } from '../rules/scope.ts'
import type { Terms } from './grant.ts'
import { findPrincipalFault } from './principal-in-rules.ts'

export interface EligibilityDeps {
  readonly rules: Rules
  readonly directory: Directory
}

/** Undefined when the current rules and directory still allow the terms; otherwise the reason. @throws UNAVAILABLE */
export async function findIneligibility(deps: EligibilityDeps, terms: Terms): Promise<string | undefined> {
  const [person, groups] = await Promise.all([
    deps.directory.person(terms.requester),
    deps.directory.groupsOf(terms.requester, groupIdsOf(deps.rules)),
  ])
  if (!person) return 'The requester is no longer in the directory.'
  const { scopes, levels, durationMinutes } = terms
  // Eligibility is checked only for the entitlement by which the grant was approved.
  const entitlements = deps.rules.entitlements.filter(({ name }) => name === terms.entitlement)
  const decision = await readEligibility(
    { ...deps, rules: { ...deps.rules, entitlements } },
    { person, groups },
    { scopes: scopes.map(parseScope), levels, durationMinutes },
  )
  return decision.eligible ? findPrincipalFault(decision, terms.principal) : decision.reason
}
