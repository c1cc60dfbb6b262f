import { byPerson } from '../audit/events.ts'
import { LatchkeyError } from '../errors.ts'
import { checkUse, readGenuineGrant } from '../grants/genuine-grant.ts'
import { refuseIfNotActive } from '../grants/grant.ts'
import type { Caller } from '../rules/caller.ts'
import { parseScope } from '../rules/scope.ts'
import { isRefusal, recordRefusal } from '../store/audit-refusal.ts'
import type { AccessRequest } from './access-request.ts'
import { type AskDeps, type AskInput, requestAccess } from './request-access.ts'

export type ExtendInput = Omit<AskInput, 'scopes' | 'levels' | 'extending'>

/** What of an id that somebody wrote themselves is kept: more than any has. */
const MOST_OF_AN_ID = 40

/**
 * A person asks for a live grant of theirs to go on: for the same again, for longer, to which somebody says yes anew.
 * @throws NOT_FOUND for a grant of somebody else, OVER when it has ended
 */
export async function extendGrant(
  deps: AskDeps,
  caller: Caller,
  grantId: string,
  input: ExtendInput,
): Promise<AccessRequest> {
  return await requestAccess(deps, caller, await readExtension(deps, caller, grantId, input))
}

async function readExtension(deps: AskDeps, caller: Caller, grantId: string, input: ExtendInput): Promise<AskInput> {
  try {
    return await extensionOf(deps, caller, grantId, input)
  } catch (error) {
    if (isRefusal(error)) {
      const facts = { actor: byPerson(caller.objectId), grantId: grantId.slice(0, MOST_OF_AN_ID) }
      await recordRefusal(deps.record, caller, {
        kind: 'extend.refused',
        ...facts,
        code: error.code,
        sentence: error.message,
      })
    }
    throw error
  }
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
