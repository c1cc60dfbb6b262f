import { z } from 'zod'
import { isLatchkeyError, LatchkeyError } from '../errors.ts'
import { conditions } from '../rules/conditions.ts'
import { ASKABLE_LEVELS } from '../rules/levels.ts'
import { RECORD_ID } from '../store/ids.ts'
import type { RecordPort } from '../store/record-store.ts'
import { principalSchema } from './principal.ts'

const objectId = z.guid()
const time = z.iso.datetime({ precision: 3 })

/** What a yes before an extension was worth: AWS may hold that still, and who gave it may still end the grant. */
const earlierYes = z.strictObject({
  approver: objectId,
  durationMinutes: z.int().positive(),
  conditions: conditions.optional(),
  endsAt: time,
})

/** Everything a yes was given to. The MAC covers every field, and grants are made true from these fields only. */
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
  /** The request by which it was extended last: the yes that counts is the one to that. */
  extension: z.strictObject({ requestId: z.string().regex(RECORD_ID), requestVersion: z.int() }).optional(),
  /** Those before the extensions, the first one first. */
  earlier: z.array(earlierYes).optional(),
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
  /** Fixed by each attempt before AWS is asked; whole seconds, so that record and IAM document say the same. */
  endsAt: time.optional(),
  activatedAt: time.optional(),
  /** It was extended, and AWS does not hold the new end yet. */
  unwritten: z.literal(true).optional(),
  /** Why and by whom an early end was asked. */
  end: end.optional(),
  endedAt: time.optional(),
  overdueAlarmAt: time.optional(),
  /** Where credentials were taken to, each with its first time. */
  takenFrom: z.array(z.strictObject({ address: z.string(), at: time })).optional(),
})

export type Grant = z.infer<typeof grant>
export type GrantStatus = Grant['status']
/** In these AWS may be asked to allow something. */
export type LiveStatus = 'activating' | 'active'

/** Legal moves. There is no "failed": a failed activation may have half happened, so it is revoked like any other. */
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

/** Undefined: there is none. A record that does not parse throws: nothing may be concluded from it. The key says which grant it is. */
export async function readGrant(record: Pick<RecordPort, 'read'>, id: string): Promise<StoredGrant | undefined> {
  if (!RECORD_ID.test(id)) return undefined
  const stored = await record.read('grant', id)
  return stored && { version: stored.version, grant: { ...grant.parse(stored.value), id } }
}

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

/** A key that is no record of ours must not hide the others. */
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

/** @throws when the pair is not in the table: a fault of ours, never of a caller. */
export function refuseIllegalMove(from: GrantStatus, to: GrantStatus): void {
  if (!MOVES[from].includes(to)) throw new Error(`A grant cannot move from ${from} to ${to}.`)
}

/** The grant after one legal move towards its end. Only `GenuineGrant.moveTo` moves to a status that gives access. @throws when the pair is not in the table. */
export function moveGrant(from: Grant, status: Exclude<GrantStatus, LiveStatus>, changes: Partial<Grant> = {}): Grant {
  refuseIllegalMove(from.status, status)
  return { ...from, ...changes, status }
}

/** Who asked for it, and everybody who ever said yes to it. */
export function isPartyTo({ requester, approver, earlier = [] }: Terms, objectId: string): boolean {
  return [requester, approver, ...earlier.map((yes) => yes.approver)].includes(objectId)
}

export function isOver(grant: Grant): boolean {
  return MOVES[grant.status].length === 0
}

/** What the person is told about a grant that gives nothing (any more, or yet). */
export function refuseIfNotActive(grant: Grant, nowMs: number): void {
  if (grant.status === 'activating') throw new LatchkeyError('CONFLICT', { thing: 'grant', outcome: 'not-yet' })
  const endsAt = grant.endsAt ?? grant.terms.decidedAt
  if (grant.status !== 'active') {
    throw new LatchkeyError('OVER', { thing: 'grant', id: grant.id, at: grant.endedAt ?? grant.end?.at ?? endsAt })
  }
  if (nowMs >= Date.parse(endsAt)) throw new LatchkeyError('OVER', { thing: 'grant', id: grant.id, at: endsAt })
}

/** On time, by both clocks: one that was set forward must not make us say that access has ended while AWS still allows it. */
export function hasEnded({ status, endsAt }: Grant, nowMs: number): boolean {
  if (endsAt === undefined || (status !== 'activating' && status !== 'active')) return false
  return Date.parse(endsAt) <= Math.min(nowMs, Date.now())
}
