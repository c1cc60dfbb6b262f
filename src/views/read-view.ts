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

/** What a card or a page shows: a request, and the grant that came of it. */
export interface RequestAndGrant {
  readonly request: RequestView
  readonly grant: GrantView | null
}

export interface ReadViewDeps {
  readonly record: Pick<RecordPort, 'read'>
  readonly writeSummaries: WriteSummaries
}

export interface Reading<Request extends StoredRequest = StoredRequest> {
  readonly request: Request
  readonly grant: StoredGrant | undefined
  readonly shown: RequestAndGrant
}

/**
 * @param expected Id of the grant that the request should name by now: read in the same round trip, and used only if it does.
 * @throws NOT_FOUND for a request that is missing, and for one that the caller may not see
 */
export async function readView(
  deps: ReadViewDeps,
  caller: Caller,
  requestId: string,
  expected?: string,
): Promise<Reading> {
  const [request, used] = await Promise.all([
    readRequest(deps.record, requestId),
    expected === undefined ? undefined : readUse(deps, expected),
  ])
  if (!request || !maySee(request.request, caller)) throw new LatchkeyError('NOT_FOUND', { thing: 'request' })
  return await readViewOf(deps, request, used)
}

interface Use {
  readonly grantId: string
  readonly grant: StoredGrant | undefined
  readonly summary: WriteSummary | undefined
}

async function readUse({ record, writeSummaries }: ReadViewDeps, grantId: string): Promise<Use> {
  const [grant, [summary]] = await Promise.all([readGrant(record, grantId), writeSummaries.readMany([grantId])])
  return { grantId, grant, summary }
}

export async function readViewOf<Request extends StoredRequest>(
  deps: ReadViewDeps,
  request: Request,
  used?: Use,
): Promise<Reading<Request>> {
  const { grantId } = request.request
  if (grantId === undefined) return { request, grant: undefined, shown: { request: requestView(request), grant: null } }
  const { grant, summary } = used?.grantId === grantId ? used : await readUse(deps, grantId)
  // A grant of another request has no business on this card, whoever wrote its id there.
  const isOurs = grant?.grant.terms.requestId === request.request.id
  const view = isOurs && summary ? grantView(grant.grant, summary) : null
  return { request, grant: isOurs ? grant : undefined, shown: { request: requestView(request), grant: view } }
}
