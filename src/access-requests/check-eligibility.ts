import { LatchkeyError } from '../errors.ts'
import type { Caller } from '../rules/caller.ts'
import type { Directory, Person } from '../rules/directory.ts'
import { type Ask, type Eligibility, groupIdsOf } from '../rules/eligibility.ts'
import { type AskedApprover, findApprovers } from '../rules/find-approvers.ts'
import { readEligibility } from '../rules/read-eligibility.ts'
import type { Rules } from '../rules/rules.ts'

/** Checks whether a person may make a request, and finds its approvers. Each function throws NOT_ELIGIBLE. */

export type Eligible = Extract<Eligibility, { eligible: true }>

interface Deps {
  readonly rules: Rules
  readonly directory: Directory
}

export async function readRequester(directory: Directory, caller: Caller): Promise<Person> {
  const person = await directory.person(caller.objectId)
  if (person && person.tenantId === caller.tenantId) return person
  throw new LatchkeyError('NOT_ELIGIBLE', { reason: 'You are not in the directory.', mayAsk: [] })
}

export async function refuseUnlessEligible(deps: Deps, person: Person, input: Ask): Promise<Eligible> {
  const groups = await deps.directory.groupsOf(person.objectId, groupIdsOf(deps.rules))
  const { scopes, levels, durationMinutes } = input
  const decision = await readEligibility(
    deps,
    { person, groups },
    { scopes, levels, ...(durationMinutes === undefined ? {} : { durationMinutes }) },
  )
  if (decision.eligible) return decision
  throw new LatchkeyError('NOT_ELIGIBLE', decision)
}

export async function refuseWithoutApprovers(
  directory: Directory,
  decision: Eligible,
  requester: Person,
): Promise<readonly AskedApprover[]> {
  const asked = await findApprovers(directory, decision.entitlement, requester)
  if (asked.length > 0) return asked
  throw new LatchkeyError('NOT_ELIGIBLE', {
    reason: `Nobody can approve this: the directory names no manager of yours and nobody else who may decide under "${decision.entitlement.name}".`,
    mayAsk: [],
  })
}
