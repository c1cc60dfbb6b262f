import { byPerson } from '../audit/events.ts'
import { LatchkeyError } from '../errors.ts'
import { type Caller, OWNER_ROLE } from '../rules/caller.ts'
import { auditRefusals } from '../store/audit-refusal.ts'
import type { RecordPort } from '../store/record-store.ts'
import { againOnConflict } from '../store/retry.ts'
import { beginRevoke } from './begin-revoke.ts'
import { readGenuineGrant } from './genuine-grant.ts'
import { type Grant, isOver, isPartyTo } from './grant.ts'

export interface EndGrantDeps {
  readonly record: RecordPort
  readonly approvalKey: string
}

/**
 * Ends a grant early for its requester ("done"), one of its approvers, or an owner. Also ends a forged grant. Does
 * nothing when the grant is being revoked already.
 * @throws NOT_FOUND when the grant is missing or the caller may not end it, OVER when it has ended
 */
export async function endGrant(deps: EndGrantDeps, caller: Caller, grantId: string): Promise<Grant> {
  const { record } = deps
  return againOnConflict(async () => {
    const stored = await readGenuineGrant(deps, grantId)
    if (!stored) throw new LatchkeyError('NOT_FOUND', { thing: 'grant' })
    const { grant } = stored
    const facts = { kind: 'end.refused', requestId: grant.terms.requestId, grantId: grant.id } as const
    await auditRefusals(record, caller, facts, () => refuseUnlessEndable(grant, caller))
    if (grant.status === 'revoking') return grant
    return await beginRevoke(record, stored, { cause: causeOf(grant, caller), actor: byPerson(caller.objectId) })
  })
}

function refuseUnlessEndable(grant: Grant, caller: Caller): void {
  if (!mayEnd(grant, caller)) throw new LatchkeyError('NOT_FOUND', { thing: 'grant' })
  if (isOver(grant)) throw new LatchkeyError('OVER', { thing: 'grant', at: grant.endedAt ?? grant.terms.decidedAt })
}

function mayEnd(grant: Grant, caller: Caller): boolean {
  return isPartyTo(grant.terms, caller.objectId) || caller.roles.includes(OWNER_ROLE)
}

function causeOf({ terms }: Grant, caller: Caller): string {
  if (caller.objectId === terms.requester) return 'done'
  return isPartyTo(terms, caller.objectId) ? 'ended-by-approver' : 'ended-by-owner'
}
