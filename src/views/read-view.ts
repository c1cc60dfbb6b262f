import type { StoredRequest } from '../access-requests/access-request.ts'
import { readRequest } from '../access-requests/access-request.ts'
import { maySee } from '../access-requests/find-requests.ts'
import { LatchkeyError } from '../errors.ts'
import { readGrant, type StoredGrant } from '../grants/grant.ts'
import type { WriteSummaries, WriteSummary } from '../oversight/write-summary.ts'
import type { Caller } from '../rules/caller.ts'
import type { RecordPort } from '../store/record-store.ts'
import { type GrantView, grantView } from './grant-view.ts'
import { type RequestView, requestView } from './request-view.ts'

/** What a card or a page shows: a request and its grant. */
export interface RequestAndGrant {
  readonly request: RequestView
  readonly grant: GrantView | null
}

export interface ReadViewDeps {
  readonly record: Pick<RecordPort, 'read'>
  readonly writeSummaries: WriteSummaries
}

/** A request and its grant as they are stored, and their view. */
export interface LoadedRequest<Request extends StoredRequest = StoredRequest> {
  readonly request: Request
  readonly grant: StoredGrant | undefined
  readonly view: RequestAndGrant
}

/**
 * Reads a request, if the caller may see it.
 * @param expected Id of the grant that the request is expected to name. It is read in the same round trip, and used
 * only if the request names it.
 * @throws NOT_FOUND for a missing request and for one that the caller may not see
 */
export async function readView(
  deps: ReadViewDeps,
  caller: Caller,
  requestId: string,
  expected?: string,
): Promise<LoadedRequest> {
  const [request, alreadyRead] = await Promise.all([
    readRequest(deps.record, requestId),
    expected === undefined ? undefined : readGrantAndSummary(deps, expected),
  ])
  if (!request || !maySee(request.request, caller)) throw new LatchkeyError('NOT_FOUND', { thing: 'request' })
  return await readViewOf(deps, request, alreadyRead)
}

interface GrantAndSummary {
  readonly grantId: string
  readonly grant: StoredGrant | undefined
  readonly summary: WriteSummary | undefined
}

async function readGrantAndSummary(
  { record, writeSummaries }: ReadViewDeps,
  grantId: string,
): Promise<GrantAndSummary> {
  const [grant, [summary]] = await Promise.all([readGrant(record, grantId), writeSummaries.readMany([grantId])])
  return { grantId, grant, summary }
}

/** The view of a request that was read before. Does not check who may see it. */
export async function readViewOf<Request extends StoredRequest>(
  deps: ReadViewDeps,
  request: Request,
  alreadyRead?: GrantAndSummary,
): Promise<LoadedRequest<Request>> {
  // The MAC of the request covers neither field. A grant in the view of a pending request would change what it says.
  const grantId = request.request.status === 'approved' ? request.request.grantId : undefined
  if (grantId === undefined)
    return { request, grant: undefined, view: { request: requestView(request.request), grant: null } }
  const { grant, summary } = alreadyRead?.grantId === grantId ? alreadyRead : await readGrantAndSummary(deps, grantId)
  // The id may have been forged in Redis: a grant of another request is never shown.
  const isOfRequest = grant?.grant.terms.requestId === request.request.id
  const visibleGrant = isOfRequest && summary ? grantView(grant.grant, summary) : null
  return {
    request,
    grant: isOfRequest ? grant : undefined,
    view: { request: requestView(request.request), grant: visibleGrant },
  }
}
