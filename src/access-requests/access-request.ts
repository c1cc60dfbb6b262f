import { z } from 'zod'
import { principalSchema } from '../grants/principal.ts'
import { conditions } from '../rules/conditions.ts'
import { ASKABLE_LEVELS } from '../rules/levels.ts'
import { RECORD_ID } from '../store/ids.ts'
import type { RecordPort } from '../store/record-store.ts'

const time = z.iso.datetime({ precision: 3 })
const person = z.strictObject({ objectId: z.guid(), name: z.string() })

const review = z.strictObject({
  reviewer: person,
  /** The capacity in which the reviewer decided, such as `manager` or `group:data-owners`. */
  as: z.string(),
  decision: z.enum(['approve', 'deny']),
  comment: z.string(),
  at: time,
})

const accessRequest = z.strictObject({
  id: z.string().regex(RECORD_ID),
  status: z.enum(['pending', 'approved', 'denied', 'cancelled', 'lapsed']),
  requester: person,
  /** Canonical, as `s3://bucket/prefix/`. */
  scopes: z.array(z.string()).min(1),
  levels: z.array(z.enum(ASKABLE_LEVELS)).min(1),
  /** The entitlement's conditions at the time of the request, for display. A grant carries those of the approval. */
  conditions: conditions.optional(),
  durationMinutes: z.int().positive(),
  reason: z.string(),
  ticket: z.string(),
  entitlement: z.string(),
  /** Only in an extension: the live grant that it would extend. */
  extends: z.string().regex(RECORD_ID).optional(),
  /**
   * The principal of the future grant, as AWS showed it at the time of the request. The rules at the click must still
   * name it.
   */
  principal: principalSchema,
  /** Sentences that warn requester and approver, for example why AWS may refuse calls. Absent: none. */
  warnings: z.array(z.string()).min(1).optional(),
  /**
   * The approvers who were asked. For display and search only: rules and directory say at the click who may decide.
   */
  asked: z.array(z.strictObject({ ...person.shape, as: z.string() })),
  askedAt: time,
  lapsesAt: time,
  reviews: z.array(review),
  /** Ids of the messages that show this request, the requester's own first. */
  copies: z.array(z.string()),
  /**
   * The MAC of the fields that never change. Without the key, a writer to Redis cannot change what is approved, or for
   * which requester.
   */
  mac: z.string(),
  /** When the request left `pending`. */
  closedAt: time.optional(),
  grantId: z.string().optional(),
})

export type AccessRequest = z.infer<typeof accessRequest>
export type RequestStatus = AccessRequest['status']
export type Review = z.infer<typeof review>

/** The legal moves. Every status except `pending` is final. */
const MOVES: Readonly<Record<RequestStatus, readonly RequestStatus[]>> = {
  pending: ['approved', 'denied', 'cancelled', 'lapsed'],
  approved: [],
  denied: [],
  cancelled: [],
  lapsed: [],
}

export interface StoredRequest {
  readonly version: number
  readonly request: AccessRequest
}

/**
 * The id comes from the Redis key, not from the stored value. Undefined: there is no such request.
 * @throws when the stored value does not parse
 */
export async function readRequest(record: Pick<RecordPort, 'read'>, id: string): Promise<StoredRequest | undefined> {
  if (!RECORD_ID.test(id)) return undefined
  const stored = await record.read('request', id)
  return stored && { version: stored.version, request: { ...accessRequest.parse(stored.value), id } }
}

/** Reads all at once. Requests that are missing or do not parse are left out. */
export async function readRequests(
  record: Pick<RecordPort, 'readMany'>,
  ids: readonly string[],
): Promise<readonly StoredRequest[]> {
  const known = ids.filter((id) => RECORD_ID.test(id))
  const stored = await record.readMany('request', known)
  return known.flatMap((id, position) => {
    const one = stored[position]
    const parsed = accessRequest.safeParse(one?.value)
    return one && parsed.success ? [{ version: one.version, request: { ...parsed.data, id } }] : []
  })
}

/** @throws Error when `MOVES` does not contain the move: a fault in Latchkey, never the caller's. */
export function refuseIllegalMove(from: RequestStatus, to: RequestStatus): void {
  if (!MOVES[from].includes(to)) throw new Error(`A request cannot move from ${from} to ${to}.`)
}

/**
 * Closes a request without a decision. `GenuineRequest.decide` closes a request with one.
 * @throws Error when `MOVES` does not contain the move
 */
export function closeRequest(from: AccessRequest, status: 'cancelled' | 'lapsed', closedAt: string): AccessRequest {
  refuseIllegalMove(from.status, status)
  return { ...from, status, closedAt }
}
