import { byPerson } from '../audit/events.ts'
import { LatchkeyError } from '../errors.ts'
import { type Caller, OWNER_ROLE } from '../rules/caller.ts'
import { auditRefusals } from '../store/audit-refusal.ts'
import type { RecordPort } from '../store/record-store.ts'
import { againOnConflict } from '../store/retry.ts'
import { beginRevoke } from './begin-revoke.ts'
import { type Grant, isOver, isPartyTo, readGrant } from './grant.ts'

/** A person ends a grant early: the requester ("done"), its approver, or an owner. Ending what is already ending changes nothing. */
export async function endGrant(
  { record }: { readonly record: RecordPort },
  caller: Caller,
  grantId: string,
): Promise<Grant> {
  return againOnConflict(async () => {
    const stored = await readGrant(record, grantId)
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
