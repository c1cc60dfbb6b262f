import { byPerson } from '../../audit/events.ts'
import { LatchkeyError } from '../../errors.ts'
import { decide, stepsOf } from '../../rules/approval.ts'
import type { Caller } from '../../rules/caller.ts'
import type { Directory } from '../../rules/directory.ts'
import type { Rules } from '../../rules/rules.ts'
import { auditRefusals, recordRefusal } from '../../store/audit-refusal.ts'
import type { RecordPort } from '../../store/record-store.ts'
import { againOnConflict } from '../../store/retry.ts'
import type { AccessRequest, Review } from '../access-request.ts'
import { type CheckedRequest, type GenuineRequest, readGenuineRequest } from '../genuine-request.ts'
import { lapseTime } from '../lapse-request.ts'
import { alreadyClosed, closeCommit } from '../request-commits.ts'
import { contentVersion } from '../request-mac.ts'
import { approve } from './approve-request.ts'
import { type Authority, readAuthority } from './check-reviewer.ts'

export interface ReviewDeps {
  readonly record: RecordPort
  readonly rules: Rules
  readonly directory: Directory
  readonly approvalKey: string
}

export interface ReviewInput {
  readonly decision: 'approve' | 'deny'
  readonly comment: string
  /**
   * `contentVersion` of the content that the reviewer saw, where the channel knows it. A review of other content is
   * refused.
   */
  readonly version?: string
}

/**
 * Approves or denies a request. Teams, Outlook, the page and the API all call this. The reviewer's authority comes from
 * rules and directory at the click, never from the card, mail or token.
 * Exactly one of any number of clicks decides.
 * @throws CONFLICT to every later click, with the person who decided and the time; also when the content changed
 * @throws NOT_FOUND, NOT_YOURS_TO_DECIDE, OVER, NOT_ELIGIBLE or UNAVAILABLE
 */
export async function reviewAccessRequest(
  deps: ReviewDeps,
  caller: Caller,
  requestId: string,
  input: ReviewInput,
): Promise<AccessRequest> {
  return againOnConflict(async () => {
    const stored = await readGenuineRequest(deps, requestId)
    if (!stored) throw new LatchkeyError('NOT_FOUND', { thing: 'request' })
    return await auditRefusals(deps.record, caller, { kind: 'review.refused', requestId }, () =>
      review(deps, caller, stored, input),
    )
  })
}

async function review(
  deps: ReviewDeps,
  caller: Caller,
  stored: CheckedRequest,
  input: ReviewInput,
): Promise<AccessRequest> {
  const { request } = stored
  const authority = await readAuthority(deps, caller, request)
  if (stored.kind === 'forged') return await refuseForged(deps.record, caller, request.id)
  if (request.status !== 'pending') throw alreadyClosed(request)
  if (input.version !== undefined && input.version !== contentVersion(request)) {
    throw new LatchkeyError('CONFLICT', { thing: 'request', outcome: 'changed' })
  }
  const nowMs = await deps.record.now()
  // The sweep that lapses requests may be late, so the time is compared here too.
  const lapsesAtMs = lapseTime(deps, request)
  if (nowMs >= lapsesAtMs) throw new LatchkeyError('OVER', { thing: 'request', at: new Date(lapsesAtMs).toISOString() })
  const own = makeReview(authority, input, nowMs)
  const outcome = decide(stepsOf(authority.entitlement), [...request.reviews, own])
  if (outcome === 'pending') throw new Error('One approval did not fill the only approval step.')
  return outcome === 'denied' ? deny(deps.record, stored, own) : approve(deps, stored, own, authority)
}

/** The request was changed in Redis, so an approval would cover something that its requester did not ask for. */
async function refuseForged(record: RecordPort, caller: Caller, requestId: string): Promise<never> {
  const actor = byPerson(caller.objectId)
  await recordRefusal(record, caller, { kind: 'alarm.ask-does-not-add-up', actor, requestId })
  throw new LatchkeyError('NOT_FOUND', { thing: 'request' })
}

function makeReview({ reviewer, as }: Authority, { decision, comment }: ReviewInput, nowMs: number): Review {
  const at = new Date(nowMs).toISOString()
  return { reviewer: { objectId: reviewer.objectId, name: reviewer.name }, as, decision, comment, at }
}

async function deny(record: RecordPort, stored: GenuineRequest, review: Review): Promise<AccessRequest> {
  const next = stored.decide('denied', review)
  const { as, comment } = review
  const actor = byPerson(review.reviewer.objectId)
  await record.commit(closeCommit(stored, next, [{ kind: 'request.denied', actor, requestId: next.id, as, comment }]))
  return next
}
