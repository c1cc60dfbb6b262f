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
  /** In which capacity, as `manager` or `group:data-owners`. */
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
  /** As the entitlement had them when asked, for showing; a grant carries those of the click. */
  conditions: conditions.optional(),
  durationMinutes: z.int().positive(),
  reason: z.string(),
  ticket: z.string(),
  entitlement: z.string(),
  /** The live grant that this would let go on. */
  extends: z.string().regex(RECORD_ID).optional(),
  /** Who would hold it, as AWS knew them when asked; the rules as they are at the click must still name them. */
  principal: principalSchema,
  /** Sentences for the requester: why AWS may refuse it all the same. Absent: none. */
  warnings: z.array(z.string()).min(1).optional(),
  /** Who was asked. For showing and finding only: who may decide is read from rules and directory at the click. */
  asked: z.array(z.strictObject({ ...person.shape, as: z.string() })),
  askedAt: time,
  lapsesAt: time,
  reviews: z.array(review),
  /** Where it is shown: ids of copies, the requester's own first. */
  copies: z.array(z.string()),
  /** Of what was asked: whoever can write to Redis cannot have something else approved than what was asked, or in another name. */
  mac: z.string(),
  /** When it left `pending`. */
  closedAt: time.optional(),
  grantId: z.string().optional(),
})

export type AccessRequest = z.infer<typeof accessRequest>
export type RequestStatus = AccessRequest['status']
export type Review = z.infer<typeof review>

/** Legal moves; every state but `pending` is final. */
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

/** The key says which request it is, whatever was written below it. */
export async function readRequest(record: Pick<RecordPort, 'read'>, id: string): Promise<StoredRequest | undefined> {
  if (!RECORD_ID.test(id)) return undefined
  const stored = await record.read('request', id)
  return stored && { version: stored.version, request: { ...accessRequest.parse(stored.value), id } }
}

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

/** @throws when the pair is not in the table: a fault of ours, never of a caller. */
export function refuseIllegalMove(from: RequestStatus, to: RequestStatus): void {
  if (!MOVES[from].includes(to)) throw new Error(`A request cannot move from ${from} to ${to}.`)
}

/** Closes a request that nobody decided; `GenuineRequest.decide` closes the others. @throws when the pair is not in the table. */
export function closeRequest(from: AccessRequest, status: 'cancelled' | 'lapsed', closedAt: string): AccessRequest {
  refuseIllegalMove(from.status, status)
  return { ...from, status, closedAt }
}
