import { LatchkeyError } from '../errors.ts'
import { type Caller, OWNER_ROLE } from '../rules/caller.ts'
import { GRANTS_OF } from '../store/indexes.ts'
import type { RecordPort } from '../store/record-store.ts'
import { type Grant, isPartyTo, readGrant, readGrants } from './grant.ts'

interface Deps {
  readonly record: RecordPort
}

const SEES_ALL: readonly string[] = [OWNER_ROLE, 'Latchkey.Auditor']

/** The caller's own grants, newest first. */
export async function findGrants(
  { record }: Deps,
  caller: Caller,
  { limit }: { readonly limit: number },
): Promise<readonly Grant[]> {
  const ids = await record.list(GRANTS_OF, caller.objectId, { limit, newestFirst: true })
  const found = await readGrants(record, ids)
  return found.map(({ grant }) => grant).filter((grant) => maySee(grant, caller))
}

/** @throws NOT_FOUND when the grant is missing or the caller may not see it */
export async function findGrant({ record }: Deps, caller: Caller, id: string): Promise<Grant> {
  const stored = await readGrant(record, id)
  if (!stored || !maySee(stored.grant, caller)) throw new LatchkeyError('NOT_FOUND', { thing: 'grant' })
  return stored.grant
}

function maySee({ terms }: Grant, { objectId, roles }: Caller): boolean {
  return isPartyTo(terms, objectId) || roles.some((role) => SEES_ALL.includes(role))
}
