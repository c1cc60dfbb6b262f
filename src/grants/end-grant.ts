import { byPerson } from '../audit/events.ts'
import { LatchkeyError } from '../errors.ts'
import { type Caller, OWNER_ROLE } from '../rules/caller.ts'
import { recordRefusal } from '../store/audit-refusal.ts'
import type { RecordPort } from '../store/record-store.ts'
import { againOnConflict } from '../store/retry.ts'
import { beginRevoke } from './begin-revoke.ts'
import { readGenuineGrant } from './genuine-grant.ts'
import { type Grant, isOver, isPartyTo } from './grant.ts'

export interface EndGrantDeps {
  readonly record: RecordPort
  readonly approvalKey: string
}

/** A person ends a grant early: the requester ("done"), its approver, or an owner. Ending what is already ending changes nothing. A forged grant is ended like any other. */
export async function endGrant(deps: EndGrantDeps, caller: Caller, grantId: string): Promise<Grant> {
  const { record } = deps
  return againOnConflict(async () => {
    const stored = await readGenuineGrant(deps, grantId)
    if (!stored) throw new LatchkeyError('NOT_FOUND', { thing: 'grant' })
    const { grant } = stored
    const refusal = findRefusal(grant, caller)
    if (refusal) {
      await writeRefusal(record, caller, grant, refusal)
      throw refusal
    }
    if (grant.status === 'revoking') return grant
    return await beginRevoke(record, stored, { cause: causeOf(grant, caller), actor: byPerson(caller.objectId) })
  })
}

function findRefusal(grant: Grant, caller: Caller): LatchkeyError | undefined {
  if (!mayEnd(grant, caller)) return new LatchkeyError('NOT_FOUND', { thing: 'grant' })
  if (!isOver(grant)) return undefined
  return new LatchkeyError('OVER', { thing: 'grant', at: grant.endedAt ?? grant.terms.decidedAt })
}

async function writeRefusal(record: RecordPort, caller: Caller, grant: Grant, error: LatchkeyError): Promise<void> {
  const facts = { actor: byPerson(caller.objectId), requestId: grant.terms.requestId, grantId: grant.id }
  await recordRefusal(record, caller, { kind: 'end.refused', ...facts, code: error.code, sentence: error.message })
}

function mayEnd(grant: Grant, caller: Caller): boolean {
  return isPartyTo(grant.terms, caller.objectId) || caller.roles.includes(OWNER_ROLE)
}

function causeOf({ terms }: Grant, caller: Caller): string {
  if (caller.objectId === terms.requester) return 'done'
  return isPartyTo(terms, caller.objectId) ? 'ended-by-approver' : 'ended-by-owner'
}
