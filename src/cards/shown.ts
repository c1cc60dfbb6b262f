import type { StoredRequest } from '../access-requests/access-request.ts'
import { readRequest } from '../access-requests/access-request.ts'
import { maySee } from '../access-requests/find-requests.ts'
import { LatchkeyError } from '../errors.ts'
import { readGrant, type StoredGrant } from '../grants/grant.ts'
import type { Digests } from '../oversight/digest.ts'
import type { RecordPort } from '../record.ts'
import type { Caller } from '../rules/caller.ts'
import { type GrantView, grantView } from './grant-view.ts'
import { type RequestView, requestView } from './request-view.ts'

/** What a card or a page shows: a request, and the grant that came of it. */
export interface Shown {
  readonly request: RequestView
  readonly grant: GrantView | null
}

export interface ShownNeeds {
  readonly record: Pick<RecordPort, 'read'>
  readonly digests: Digests
}

export interface Reading {
  readonly request: StoredRequest
  readonly grant: StoredGrant | undefined
  readonly shown: Shown
}

/** Undefined: there is no such request. */
export async function readShown(needs: ShownNeeds, requestId: string): Promise<Reading | undefined> {
  const request = await readRequest(needs.record, requestId)
  return request && (await readWithGrant(needs, request))
}

/** @throws NOT_FOUND for a request that is missing, and for one that the caller may not see */
export async function readShownTo(needs: ShownNeeds, caller: Caller, requestId: string): Promise<Reading> {
  const request = await readRequest(needs.record, requestId)
  if (!request || !maySee(request.request, caller)) throw new LatchkeyError('NOT_FOUND', { thing: 'request' })
  return await readWithGrant(needs, request)
}

async function readWithGrant({ record, digests }: ShownNeeds, request: StoredRequest): Promise<Reading> {
  const { grantId } = request.request
  if (grantId === undefined) return { request, grant: undefined, shown: { request: requestView(request), grant: null } }
  const [grant, [digest]] = await Promise.all([readGrant(record, grantId), digests.readMany([grantId])])
  // A grant of another request has no business on this card, whoever wrote its id there.
  const isOurs = grant?.grant.terms.requestId === request.request.id
  const view = isOurs && digest ? grantView(grant.grant, digest) : null
  return { request, grant: isOurs ? grant : undefined, shown: { request: requestView(request), grant: view } }
}
