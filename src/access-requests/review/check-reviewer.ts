import { isLatchkeyError, LatchkeyError } from '../../errors.ts'
import { decideReview } from '../../rules/approval.ts'
import type { Caller } from '../../rules/caller.ts'
import type { Directory, Person } from '../../rules/directory.ts'
import { type Eligibility, groupIdsOf } from '../../rules/eligibility.ts'
import type { Entitlement } from '../../rules/entitlement.ts'
import { readEligibility } from '../../rules/read-eligibility.ts'
import type { Rules } from '../../rules/rules.ts'
import { parseScope } from '../../rules/scope.ts'
import type { AccessRequest } from '../access-request.ts'

/** Time limit for all directory calls of one review. If the directory is slower, nothing is decided. */
const CLICK_BUDGET_MS = 1_500

export interface Authority {
  readonly reviewer: Person
  /** The capacity in which the reviewer decides, such as `manager` or `group:data-owners`. */
  readonly as: string
  /** The entitlement of the request, as the rules have it now. */
  readonly entitlement: Entitlement
  /** The requester's current eligibility. Only an approval needs it. */
  readonly eligibility: Eligibility
}

interface Deps {
  readonly rules: Rules
  readonly directory: Directory
}

/**
 * Checks whether the caller may decide this request now, and in which capacity. Self-approval is refused before the
 * directory is called.
 * @throws NOT_YOURS_TO_DECIDE if the caller is the requester, or was asked and may not decide
 * @throws NOT_FOUND if the caller was not asked, and may not decide or the directory does not answer that
 * @throws UNAVAILABLE if the directory does not answer, and the caller was asked or was found to be one who may decide
 */
export async function readAuthority(deps: Deps, caller: Caller, request: AccessRequest): Promise<Authority> {
  if (caller.objectId === request.requester.objectId) {
    throw new LatchkeyError('NOT_YOURS_TO_DECIDE', {
      reason: 'Nobody approves their own request; somebody else was asked.',
    })
  }
  const { rules, directory } = deps
  const signal = AbortSignal.timeout(CLICK_BUDGET_MS)
  const answers = await askDirectory(deps, caller, request, signal)
  const { reviewer, reviewerGroups, requester, requesterGroups, manager } = answers
  const entitlement = rules.entitlements.find(({ name }) => name === request.entitlement)
  if (!reviewer || !entitlement) throw refusal(caller, request, 'The rules no longer name you for it.')
  const decision = decideReview(entitlement, {
    requesterId: request.requester.objectId,
    tenantId: caller.tenantId,
    reviewer,
    reviewerGroups,
    managerId: manager?.objectId,
  })
  if (!decision.may) throw refusal(caller, request, decision.reason)
  const eligibility: Eligibility = requester
    ? // Only under the entitlement whose approvers decide.
      await readEligibility(
        { directory, rules: { ...rules, entitlements: [entitlement] } },
        { person: requester, groups: requesterGroups },
        askOf(request),
        signal,
      )
    : { eligible: false, reason: 'The requester is no longer in the directory.', mayAsk: [] }
  return { reviewer, as: decision.as, entitlement, eligibility }
}

async function askDirectory({ directory, rules }: Deps, caller: Caller, request: AccessRequest, signal: AbortSignal) {
  const groupIds = groupIdsOf(rules)
  const own = request.requester.objectId
  try {
    const [reviewer, reviewerGroups, requester, requesterGroups, manager] = await Promise.all([
      directory.person(caller.objectId, signal),
      directory.groupsOf(caller.objectId, groupIds, signal),
      directory.person(own, signal),
      directory.groupsOf(own, groupIds, signal),
      directory.managerOf(own, signal),
    ])
    return { reviewer, reviewerGroups, requester, requesterGroups, manager }
  } catch (error) {
    // Without the directory's answer the caller may not know of the request. UNAVAILABLE would reveal that it exists.
    if (isLatchkeyError(error, 'UNAVAILABLE') && !wasAsked(caller, request)) {
      throw new LatchkeyError('NOT_FOUND', { thing: 'request' })
    }
    throw error
  }
}

/** Only approvers who were asked may know that the request exists. To others, missing and forbidden read alike. */
function refusal(caller: Caller, request: AccessRequest, reason: string): LatchkeyError {
  return wasAsked(caller, request)
    ? new LatchkeyError('NOT_YOURS_TO_DECIDE', { reason })
    : new LatchkeyError('NOT_FOUND', { thing: 'request' })
}

function wasAsked(caller: Caller, { asked }: AccessRequest): boolean {
  return asked.some(({ objectId }) => objectId === caller.objectId)
}

function askOf({ scopes, levels, durationMinutes }: AccessRequest) {
  return { scopes: scopes.map(parseScope), levels, durationMinutes }
}
