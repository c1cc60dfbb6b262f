import { byPerson } from '../audit/events.ts'
import { LatchkeyError } from '../errors.ts'
import { deniedUntil, denyId } from '../grants/deny-record.ts'
import type { Principal } from '../grants/driver.ts'
import { LIVE } from '../grants/end-grant.ts'
import { GRANTS_OF } from '../grants/find-grants.ts'
import type { Grant, Terms } from '../grants/grant.ts'
import { signYes } from '../grants/yes.ts'
import { type Limit, newId, type RecordPort } from '../record.ts'
import type { Account, Rules } from '../rules/rules-file.ts'
import { type AccessRequest, closeRequest, type Review, type StoredRequest } from './access-request.ts'
import { closeCommit } from './close-commit.ts'
import type { Authority } from './read-authority.ts'

/** A Deny document holds this many ids with room to spare (10,240 characters of inline policy a role). */
const MOST_ON_A_ROLE = 150
/** Grants on a role, scored by when their id can last be needed in its Deny document. */
const ON_ROLE = 'on-role'

interface Needs {
  readonly record: RecordPort
  readonly rules: Rules
  readonly approvalKey: string
}

/** The commit that records the last yes also creates the grant, with its entry in the due index, and names its job. */
export async function approve(
  needs: Needs,
  stored: StoredRequest,
  review: Review,
  { eligibility }: Authority,
): Promise<AccessRequest> {
  if (!eligibility.eligible) throw new LatchkeyError('NOT_ELIGIBLE', { reason: eligibility.reason, mayAsk: [] })
  const { request } = stored
  const grant = makeGrant(needs, stored, review, principalOf(eligibility.account, request.roleId))
  const next = closeRequest(request, 'approved', review.at, { reviews: [review], grantId: grant.id })
  const { as, comment } = review
  const closing = closeCommit(stored, next, [
    {
      kind: 'request.approved',
      actor: byPerson(review.reviewer.objectId),
      requestId: request.id,
      grantId: grant.id,
      as,
      comment,
    },
  ])
  const atMs = Date.parse(review.at)
  const role = { kind: ON_ROLE, value: denyId(grant.terms.principal) }
  const neededUntilMs = Date.parse(deniedUntil(grant.terms))
  await needs.record.commit({
    ...closing,
    records: [...closing.records, { kind: 'grant', id: grant.id, expectedVersion: 0, next: grant }],
    due: [...closing.due, { kind: 'grants', id: grant.id, at: atMs }],
    indexes: [
      ...closing.indexes,
      { ...LIVE, id: grant.id, at: atMs },
      { kind: GRANTS_OF, value: request.requester.objectId, id: grant.id, at: atMs },
      { ...role, id: grant.id, at: neededUntilMs },
    ],
    limits: [roleIsFull(role, atMs)],
    jobs: [{ act: 'activate', recordId: grant.id, occasion: '1' }, ...closing.jobs],
  })
  return next
}

function makeGrant(needs: Needs, { request, version }: StoredRequest, review: Review, principal: Principal): Grant {
  const terms: Terms = {
    grantId: newId('g'),
    requestId: request.id,
    requestVersion: version,
    requester: request.requester.objectId,
    principal,
    scopes: request.scopes,
    levels: request.levels,
    durationMinutes: request.durationMinutes,
    decidedAt: review.at,
    approver: review.reviewer.objectId,
    entitlement: request.entitlement,
    rulesHash: needs.rules.hash,
  }
  return {
    id: terms.grantId,
    status: 'activating',
    terms,
    mac: signYes(needs.approvalKey, terms),
    requesterName: request.requester.name,
    approverName: review.reviewer.name,
    attempts: 0,
  }
}

/** From the rules as they are now: a record cannot say which role a yes is for. */
function principalOf(account: Account, roleId: string): Principal {
  const roleArn = `arn:aws:iam::${account.id}:role/${account.elevationRole}`
  return { driver: 'session', account: account.id, roleArn, roleId }
}

function roleIsFull(role: { readonly kind: string; readonly value: string }, nowMs: number): Limit {
  return {
    ...role,
    since: nowMs,
    atMost: MOST_ON_A_ROLE,
    otherwise: new LatchkeyError('QUOTA_FULL', {
      quota: `The elevation role of this account (${MOST_ON_A_ROLE} grants at once)`,
      next: 'Try again when some of them have ended.',
    }),
  }
}
