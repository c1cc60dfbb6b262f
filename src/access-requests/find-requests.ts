import { LatchkeyError } from '../errors.ts'
import { type Caller, OWNER_ROLE } from '../rules/caller.ts'
import { REQUESTS_OF, TO_REVIEW_BY } from '../store/indexes.ts'
import type { RecordPort } from '../store/record-store.ts'
import { type AccessRequest, readRequest, readRequests, type StoredRequest } from './access-request.ts'

interface Deps {
  readonly record: RecordPort
}

const SEES_ALL: readonly string[] = [OWNER_ROLE, 'Latchkey.Auditor']

/** The caller's own requests, or those that wait for the caller's decision. The newest comes first. */
export async function findRequests(
  { record }: Deps,
  caller: Caller,
  { role, limit }: { readonly role: 'requester' | 'approver'; readonly limit: number },
): Promise<readonly StoredRequest[]> {
  const kind = role === 'requester' ? REQUESTS_OF : TO_REVIEW_BY
  const ids = await record.list(kind, caller.objectId, { limit, newestFirst: true })
  const found = await readRequests(record, ids)
  return found.filter(({ request }) => maySee(request, caller))
}

/** @throws NOT_FOUND when the request is missing or the caller may not see it */
export async function findRequest({ record }: Deps, caller: Caller, id: string): Promise<StoredRequest> {
  const stored = await readRequest(record, id)
  if (!stored || !maySee(stored.request, caller)) throw new LatchkeyError('NOT_FOUND', { thing: 'request' })
  return stored
}

export function maySee({ requester, asked, reviews }: AccessRequest, { objectId, roles }: Caller): boolean {
  const concerned = [requester, ...asked, ...reviews.map(({ reviewer }) => reviewer)]
  return concerned.some((person) => person.objectId === objectId) || roles.some((role) => SEES_ALL.includes(role))
}
