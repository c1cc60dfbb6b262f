import { byPerson } from '../../audit/events.ts'
import { LatchkeyError } from '../../errors.ts'
import { signApproval } from '../../grants/approval-mac.ts'
import { holdDenySlot } from '../../grants/deny-capacity.ts'
import type { Grant, Terms } from '../../grants/grant.ts'
import { findPrincipalFault } from '../../grants/principal-in-rules.ts'
import { deniedUntil } from '../../grants/session/deny-list.ts'
import type { Entitlement } from '../../rules/entitlement.ts'
import type { Rules } from '../../rules/rules.ts'
import { joinCommits } from '../../store/commit.ts'
import { newId } from '../../store/ids.ts'
import { GRANTS_OF, LIVE } from '../../store/indexes.ts'
import type { RecordPort } from '../../store/record-store.ts'
import type { AccessRequest, Review } from '../access-request.ts'
import type { GenuineRequest } from '../genuine-request.ts'
import { closeCommit } from '../request-commits.ts'
import type { Authority } from './check-reviewer.ts'
import { extendCommit, type GrantPart, readExtended } from './extension-commit.ts'

interface Deps {
  readonly record: RecordPort
  readonly rules: Rules
  readonly approvalKey: string
}

/**
 * Approves the request. The same commit creates or extends the grant, with its entry in the due index and its job.
 * @throws NOT_ELIGIBLE when the requester is no longer eligible or the rules name another principal
 */
export async function approve(
  deps: Deps,
  stored: GenuineRequest,
  review: Review,
  { eligibility }: Authority,
): Promise<AccessRequest> {
  if (!eligibility.eligible) throw new LatchkeyError('NOT_ELIGIBLE', { ...eligibility, mayAsk: [] })
  const { request } = stored
  const notNamed = findPrincipalFault(eligibility, request.principal)
  if (notNamed !== undefined) throw new LatchkeyError('NOT_ELIGIBLE', { reason: notNamed, mayAsk: [] })
  const part = await grantPart(deps, stored, review, eligibility.entitlement)
  const next = stored.decide('approved', review, { grantId: part.grant.id })
  const { as, comment } = review
  const actor = byPerson(review.reviewer.objectId)
  const approved = {
    kind: 'request.approved',
    actor,
    requestId: request.id,
    grantId: part.grant.id,
    as,
    comment,
  } as const
  const closing = closeCommit(stored, next, [approved])
  await deps.record.commit({
    ...joinCommits(closing, part),
    // The job of the grant comes first, because messages can wait.
    jobs: [...(part.jobs ?? []), ...closing.jobs],
  })
  return next
}

async function grantPart(
  deps: Deps,
  stored: GenuineRequest,
  review: Review,
  entitlement: Entitlement,
): Promise<GrantPart> {
  if (stored.request.extends === undefined) return newGrant(deps, stored, review, entitlement)
  const extended = await readExtended(deps, stored, Date.parse(review.at))
  return extendCommit(deps, stored, extended, review, entitlement)
}

function newGrant(deps: Deps, stored: GenuineRequest, review: Review, entitlement: Entitlement): GrantPart {
  const grant = makeGrant(deps, stored, review, entitlement)
  const { requester, principal } = stored.request
  const atMs = Date.parse(review.at)
  return {
    grant,
    records: [{ kind: 'grant', id: grant.id, expectedVersion: 0, next: grant }],
    due: [{ kind: 'grants', id: grant.id, at: atMs }],
    indexes: [
      { ...LIVE, id: grant.id, at: atMs },
      { kind: GRANTS_OF, value: requester.objectId, id: grant.id, at: atMs },
      ...holdDenySlot(principal, grant.id, Date.parse(deniedUntil(grant.terms))),
    ],
    audit: [],
    jobs: [{ act: 'activate', recordId: grant.id, occasion: '1' }],
  }
}

function makeGrant(deps: Deps, { request, version }: GenuineRequest, review: Review, entitlement: Entitlement): Grant {
  const terms: Terms = {
    grantId: newId('g'),
    requestId: request.id,
    requestVersion: version,
    requester: request.requester.objectId,
    principal: request.principal,
    scopes: request.scopes,
    levels: request.levels,
    ...(entitlement.conditions === undefined ? {} : { conditions: entitlement.conditions }),
    durationMinutes: request.durationMinutes,
    decidedAt: review.at,
    approver: review.reviewer.objectId,
    entitlement: request.entitlement,
    rulesHash: deps.rules.hash,
  }
  return {
    id: terms.grantId,
    status: 'activating',
    terms,
    mac: signApproval(deps.approvalKey, terms),
    requesterName: request.requester.name,
    approverName: review.reviewer.name,
    attempts: 0,
  }
}
