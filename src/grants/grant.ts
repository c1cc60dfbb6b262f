import { z } from 'zod'
import { isLatchkeyError, LatchkeyError } from '../errors.ts'
import { conditions } from '../rules/conditions.ts'
import { ASKABLE_LEVELS } from '../rules/levels.ts'
import { RECORD_ID } from '../store/ids.ts'
import type { RecordPort } from '../store/record-store.ts'
import { principalSchema } from './principal.ts'

const objectId = z.guid()
const time = z.iso.datetime({ precision: 3 })

/** An approval before an extension. AWS may still hold its policy, and its approver may still end the grant. */
const earlierApproval = z.strictObject({
  approver: objectId,
  durationMinutes: z.int().positive(),
  conditions: conditions.optional(),
  endsAt: time,
})

/** Everything that was approved. The MAC covers every field, and policies are made from these fields only. */
export const terms = z.strictObject({
  grantId: z.string().regex(RECORD_ID),
  requestId: z.string().regex(RECORD_ID),
  requestVersion: z.int(),
  requester: objectId,
  principal: principalSchema,
  /** Canonical, as `s3://bucket/prefix/`. */
  scopes: z.array(z.string()).min(1),
  levels: z.array(z.enum(ASKABLE_LEVELS)).min(1),
  conditions: conditions.optional(),
  durationMinutes: z.int().positive(),
  decidedAt: time,
  approver: objectId,
  /** The request of the last extension. Its approval is the one that counts. */
  extension: z.strictObject({ requestId: z.string().regex(RECORD_ID), requestVersion: z.int() }).optional(),
  /** Every approval that an extension replaced, oldest first. */
  earlier: z.array(earlierApproval).optional(),
  entitlement: z.string(),
  rulesHash: z.string(),
})

export type Terms = z.infer<typeof terms>

const end = z.strictObject({ cause: z.string(), by: z.string(), at: time })

const grant = z.strictObject({
  id: z.string().regex(RECORD_ID),
  status: z.enum(['activating', 'active', 'revoking', 'expired', 'revoked']),
  terms,
  mac: z.string(),
  requesterName: z.string(),
  approverName: z.string(),
  attempts: z.int(),
  /**
   * When the grant ends. It is set before AWS is asked, by each activation attempt and by an extension. It has whole
   * seconds, so that record and IAM document agree.
   */
  endsAt: time.optional(),
  activatedAt: time.optional(),
  /** The grant was extended, and AWS does not hold the new end yet. */
  unwritten: z.literal(true).optional(),
  /** Why, by whom and when the early end was started. */
  end: end.optional(),
  endedAt: time.optional(),
  overdueAlarmAt: time.optional(),
  /** The addresses that received credentials, each with the first time. */
  takenFrom: z.array(z.strictObject({ address: z.string(), at: time })).optional(),
})

export type Grant = z.infer<typeof grant>
export type GrantStatus = Grant['status']
/** The statuses in which AWS may be asked to allow the grant. */
export type LiveStatus = 'activating' | 'active'

/** The legal moves. There is no "failed": a failed activation may have half happened, so the grant is revoked. */
const MOVES: Readonly<Record<GrantStatus, readonly GrantStatus[]>> = {
  activating: ['activating', 'active', 'revoking'],
  active: ['active', 'revoking'],
  revoking: ['revoking', 'expired', 'revoked'],
  expired: [],
  revoked: [],
}

export interface StoredGrant {
  readonly version: number
  readonly grant: Grant
}

/**
 * The id comes from the Redis key, not from the stored value. Undefined: there is no such grant.
 * @throws when the stored value does not parse, because nothing may be concluded from it
 */
export async function readGrant(record: Pick<RecordPort, 'read'>, id: string): Promise<StoredGrant | undefined> {
  if (!RECORD_ID.test(id)) return undefined
  const stored = await record.read('grant', id)
  return stored && { version: stored.version, grant: { ...grant.parse(stored.value), id } }
}

/** Grants that are missing or do not parse are left out. */
export async function readGrants(
  record: Pick<RecordPort, 'readMany'>,
  ids: readonly string[],
): Promise<readonly StoredGrant[]> {
  const known = ids.filter((id) => RECORD_ID.test(id))
  const stored = await readEach(record, known)
  return known.flatMap((id, position) => {
    const one = stored[position]
    const parsed = grant.safeParse(one?.value)
    return one && parsed.success ? [{ version: one.version, grant: { ...parsed.data, id } }] : []
  })
}

/** One record that cannot be read must not hide the others. When the batch fails, each record is read by itself. */
async function readEach(
  record: Pick<RecordPort, 'readMany'>,
  ids: readonly string[],
): ReturnType<RecordPort['readMany']> {
  try {
    return await record.readMany('grant', ids)
  } catch (error) {
    if (isLatchkeyError(error, 'UNAVAILABLE')) throw error
    if (ids.length === 1) return [undefined]
    return (await Promise.all(ids.map((id) => readEach(record, [id])))).flat()
  }
}

/** @throws Error when `MOVES` does not contain the move: a fault in Latchkey, never the caller's */
export function refuseIllegalMove(from: GrantStatus, to: GrantStatus): void {
  if (!MOVES[from].includes(to)) throw new Error(`A grant cannot move from ${from} to ${to}.`)
}

/**
 * The grant after one legal move towards its end. Only `GenuineGrant.moveTo` moves to a status that gives access.
 * @throws Error when `MOVES` does not contain the move
 */
export function moveGrant(from: Grant, status: Exclude<GrantStatus, LiveStatus>, changes: Partial<Grant> = {}): Grant {
  refuseIllegalMove(from.status, status)
  return { ...from, ...changes, status }
}

/** Whether the person is the requester or approved the grant or one of its extensions. */
export function isPartyTo({ requester, approver, earlier = [] }: Terms, objectId: string): boolean {
  return [requester, approver, ...earlier.map((approval) => approval.approver)].includes(objectId)
}

export function isOver(grant: Grant): boolean {
  return MOVES[grant.status].length === 0
}

/** @throws CONFLICT while the grant is activating, OVER when it is being revoked or has ended */
export function refuseIfNotActive(grant: Grant, nowMs: number): void {
  if (grant.status === 'activating') throw new LatchkeyError('CONFLICT', { thing: 'grant', outcome: 'not-yet' })
  const endsAt = grant.endsAt ?? grant.terms.decidedAt
  if (grant.status !== 'active') {
    throw new LatchkeyError('OVER', { thing: 'grant', id: grant.id, at: grant.endedAt ?? grant.end?.at ?? endsAt })
  }
  if (nowMs >= Date.parse(endsAt)) throw new LatchkeyError('OVER', { thing: 'grant', id: grant.id, at: endsAt })
}

/**
 * Whether the grant has reached its end by both clocks, the store's and this process's. One clock that was set forward
 * must not end a grant in the record while AWS still allows it.
 */
export function hasEnded({ status, endsAt }: Grant, nowMs: number): boolean {
  if (endsAt === undefined || (status !== 'activating' && status !== 'active')) return false
  return Date.parse(endsAt) <= Math.min(nowMs, Date.now())
}
