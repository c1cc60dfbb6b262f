import { LatchkeyError } from '../errors.ts'
import { checkUse, readGenuineGrant } from '../grants/genuine-grant.ts'
import { refuseIfNotActive } from '../grants/grant.ts'
import type { Caller } from '../rules/caller.ts'
import { parseScope } from '../rules/scope.ts'
import { auditRefusals } from '../store/audit-refusal.ts'
import type { AccessRequest } from './access-request.ts'
import { type AskDeps, type AskInput, requestAccess } from './request-access.ts'

export type ExtendInput = Omit<AskInput, 'scopes' | 'levels' | 'extending'>

/** The audit keeps this many characters of a grant id that the caller typed. No real id is longer. */
const MOST_OF_AN_ID = 40

/**
 * Makes a request to extend an active grant of the caller: the same scopes and levels for a longer time. It needs an
 * approval of its own.
 * @throws NOT_FOUND for another person's grant, OVER when the grant has ended
 */
export async function extendGrant(
  deps: AskDeps,
  caller: Caller,
  grantId: string,
  input: ExtendInput,
): Promise<AccessRequest> {
  const facts = { kind: 'extend.refused', grantId: grantId.slice(0, MOST_OF_AN_ID) } as const
  const extension = await auditRefusals(deps.record, caller, facts, () => extensionOf(deps, caller, grantId, input))
  return await requestAccess(deps, caller, extension)
}

async function extensionOf(deps: AskDeps, caller: Caller, grantId: string, input: ExtendInput): Promise<AskInput> {
  const found = await readGenuineGrant(deps, grantId)
  const isOwn = found?.grant.terms.requester === caller.objectId
  const stored = isOwn ? checkUse(found) : undefined
  if (!stored || 'fault' in stored) throw new LatchkeyError('NOT_FOUND', { thing: 'grant' })
  const { grant } = stored
  refuseIfNotActive(grant, await deps.record.now())
  const { scopes, levels, principal } = grant.terms
  const extending = { grantId, principal, endsAt: grant.endsAt ?? grant.terms.decidedAt }
  return { ...input, scopes: scopes.map(parseScope), levels, extending }
}
