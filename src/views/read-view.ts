import type { StoredRequest } from '../access-requests/access-request.ts'
import { readRequest } from '../access-requests/access-request.ts'
import { maySee } from '../access-requests/find-requests.ts'
import { LatchkeyError } from '../errors.ts'
import { readGrant, type StoredGrant } from '../grants/grant.ts'
import type { Digest, Digests } from '../oversight/write-summary.ts'
import type { Caller } from '../rules/caller.ts'
import type { RecordPort } from '../store/record-store.ts'
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

/**
 * @param expected Id of the grant that the request should name by now: read in the same round trip, and used only if it does.
 * @throws NOT_FOUND for a request that is missing, and for one that the caller may not see
 */
export async function readShownTo(
  needs: ShownNeeds,
  caller: Caller,
  requestId: string,
  expected?: string,
): Promise<Reading> {
  const [request, used] = await Promise.all([
    readRequest(needs.record, requestId),
    expected === undefined ? undefined : readUse(needs, expected),
  ])
  if (!request || !maySee(request.request, caller)) throw new LatchkeyError('NOT_FOUND', { thing: 'request' })
  return await readWithGrant(needs, request, used)
}

interface Use {
  readonly grantId: string
  readonly grant: StoredGrant | undefined
  readonly digest: Digest | undefined
}

async function readUse({ record, digests }: ShownNeeds, grantId: string): Promise<Use> {
  const [grant, [digest]] = await Promise.all([readGrant(record, grantId), digests.readMany([grantId])])
  return { grantId, grant, digest }
}

export async function readWithGrant(needs: ShownNeeds, request: StoredRequest, used?: Use): Promise<Reading> {
  const { grantId } = request.request
  if (grantId === undefined) return { request, grant: undefined, shown: { request: requestView(request), grant: null } }
  const { grant, digest } = used?.grantId === grantId ? used : await readUse(needs, grantId)
  // A grant of another request has no business on this card, whoever wrote its id there.
  const isOurs = grant?.grant.terms.requestId === request.request.id
  const view = isOurs && digest ? grantView(grant.grant, digest) : null
  return { request, grant: isOurs ? grant : undefined, shown: { request: requestView(request), grant: view } }
}
