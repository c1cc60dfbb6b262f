import { byPerson } from '../../audit/events.ts'
import { LatchkeyError } from '../../errors.ts'
import { signApproval } from '../../grants/approval-mac.ts'
import { holdDenySlot } from '../../grants/deny-capacity.ts'
import { checkUse, type GenuineGrant, readGenuineGrant } from '../../grants/genuine-grant.ts'
import { type Grant, refuseIfNotActive, type Terms } from '../../grants/grant.ts'
import { addToEntityIndexes } from '../../grants/grant-commits.ts'
import { deniedUntil } from '../../grants/session/deny-list.ts'
import { messagesDue } from '../../messages/message.ts'
import type { Entitlement } from '../../rules/entitlement.ts'
import type { Rules } from '../../rules/rules.ts'
import { type Commit, joinCommits } from '../../store/commit.ts'
import type { Review } from '../access-request.ts'
import { type Deps, refuseShorter } from '../extension.ts'
import type { GenuineRequest } from '../genuine-request.ts'

/** The part of an approval's commit that writes the grant. */
export interface GrantPart extends Commit {
  readonly grant: Grant
}

/**
 * Reads the grant that the request would extend.
 * @throws OVER when the grant ended before the approval, because an ended grant cannot be extended
 * @throws NOT_FOUND when the grant is missing, forged or another person's
 */
export async function readExtended(deps: Deps, { request }: GenuineRequest, nowMs: number): Promise<GenuineGrant> {
  const found = await readGenuineGrant(deps, request.extends ?? '')
  const isOwn = found?.grant.terms.requester === request.requester.objectId
  const stored = isOwn ? checkUse(found) : undefined
  if (!stored || 'fault' in stored) throw new LatchkeyError('NOT_FOUND', { thing: 'grant' })
  refuseIfNotActive(stored.grant, nowMs)
  return stored
}

/**
 * The part of an approval's commit that extends the grant. The new end is in the due index before AWS is called.
 * @throws BAD_INPUT when the grant would not end later than before
 */
export function extendCommit(
  deps: Deps & { readonly rules: Rules },
  stored: GenuineRequest,
  extended: GenuineGrant,
  review: Review,
  entitlement: Entitlement,
): GrantPart {
  const { request } = stored
  const { grant: before } = extended
  const nowMs = Date.parse(review.at)
  refuseShorter({ endsAt: before.endsAt ?? '' }, request.durationMinutes, nowMs)
  const endsAtMs = Math.floor((nowMs + request.durationMinutes * 60_000) / 1_000) * 1_000
  const next = extendedTerms(deps, stored, before, review, entitlement)
  const isAttached = next.principal.driver === 'attach'
  const grant = extended.moveTo('active', {
    terms: next,
    mac: signApproval(deps.approvalKey, next),
    approverName: review.reviewer.name,
    endsAt: new Date(endsAtMs).toISOString(),
    // AWS still holds the policy with the old end until a worker has written the new one.
    ...(isAttached ? { unwritten: true } : {}),
  })
  const occasion = String(extended.version + 1)
  const extending: Commit = {
    records: [{ kind: 'grant', id: grant.id, expectedVersion: extended.version, next: grant }],
    due: [{ kind: 'grants', id: grant.id, at: endsAtMs }],
    indexes: holdDenySlot(next.principal, grant.id, Date.parse(deniedUntil(next))),
    audit: [
      {
        kind: 'grant.extended',
        actor: byPerson(review.reviewer.objectId),
        requestId: request.id,
        grantId: grant.id,
        endsAt: new Date(endsAtMs).toISOString(),
      },
    ],
    jobs: [
      ...(isAttached ? [{ act: 'activate', recordId: grant.id, occasion } as const] : []),
      { act: 'revoke', recordId: grant.id, occasion, at: endsAtMs },
    ],
  }
  const shown = messagesDue(next.requestId, nowMs, `g${occasion}`)
  return { grant, ...joinCommits(extending, addToEntityIndexes(grant, endsAtMs, nowMs), shown) }
}

/** The terms after the extension: its approval replaces the earlier one. `requestId` names the first request still. */
function extendedTerms(
  { rules }: { readonly rules: Rules },
  { request, version }: GenuineRequest,
  { terms: before, endsAt = before.decidedAt }: Grant,
  review: Review,
  { name, conditions }: Entitlement,
): Terms {
  const { conditions: until, ...terms } = before
  const { approver, durationMinutes } = before
  const replaced = { approver, durationMinutes, endsAt, ...(until === undefined ? {} : { conditions: until }) }
  return {
    ...terms,
    earlier: [...(before.earlier ?? []), replaced],
    extension: { requestId: request.id, requestVersion: version },
    durationMinutes: request.durationMinutes,
    decidedAt: review.at,
    approver: review.reviewer.objectId,
    entitlement: name,
    rulesHash: rules.hash,
    ...(conditions === undefined ? {} : { conditions }),
  }
}
