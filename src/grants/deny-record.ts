import { z } from 'zod'
import type { Commit, RecordPort } from '../record.ts'
import type { DenyDocument, Principal } from './driver.ts'

/** What one elevation role refuses early, as Latchkey knows it. An id is in here only after AWS was read back with it. Only what a Deny document can carry is taken. */
const denyRecord = z.strictObject({
  roleArn: z.string(),
  roleId: z.string(),
  epoch: z.string().min(1),
  issuedBefore: z.iso.datetime({ precision: 0 }),
  denied: z.array(
    z.strictObject({
      userid: z.string().regex(/^AROA[0-9A-Z]+:[\w+=,.@-]{2,64}$/),
      until: z.iso.datetime({ precision: 3 }),
    }),
  ),
})

export type DenyRecord = z.infer<typeof denyRecord>

/** The longest that any session of a role can live, by STS. */
const LONGEST_SESSION_MS = 12 * 3_600_000
const MARGIN_MS = 5 * 60_000

/** @example denyId({ account: '111122223333', roleArn: 'arn:aws:iam::111122223333:role/latchkey/prod', … }) // "111122223333.prod" */
export function denyId(principal: Principal): string {
  return `${principal.account}.${principal.roleArn.split('/').at(-1)}`
}

/** The value that `aws:userid` has in a session of this grant: nobody else has it. */
export function userIdOf(principal: Principal, grantId: string): string {
  return `${principal.roleId}:${grantId}`
}

/** When a denied id may leave: no session of the grant can be alive then, whichever clock is a little off. */
export function deniedUntil(nowMs: number, endsAt?: string): string {
  const end = endsAt === undefined ? Number.POSITIVE_INFINITY : Date.parse(endsAt)
  return new Date(Math.min(end, nowMs + LONGEST_SESSION_MS) + MARGIN_MS).toISOString()
}

export async function readDenyRecord(
  record: Pick<RecordPort, 'read'>,
  principal: Principal,
): Promise<{ readonly version: number; readonly value: DenyRecord | undefined }> {
  const stored = await record.read('deny', denyId(principal))
  if (!stored) return { version: 0, value: undefined }
  // Junk in the record says nothing about AWS: what AWS holds is read and kept, and the record is made anew.
  const parsed = denyRecord.safeParse(stored.value)
  return { version: stored.version, value: parsed.success ? parsed.data : undefined }
}

export function denyCommit(
  principal: Principal,
  expectedVersion: number,
  next: DenyRecord,
  audit: Commit['audit'],
): Commit {
  return { records: [{ kind: 'deny', id: denyId(principal), expectedVersion, next }], audit }
}

/** Record + what AWS holds and cannot be proven over. An id that AWS knows and we do not is kept for the longest session. */
export function mergeDenied(
  known: DenyRecord['denied'],
  held: readonly string[],
  added: DenyRecord['denied'],
  nowMs: number,
): DenyRecord['denied'] {
  const untilById = new Map<string, string>()
  for (const userid of held) untilById.set(userid, deniedUntil(nowMs))
  for (const one of [...known, ...added]) untilById.set(one.userid, one.until)
  return [...untilById]
    .filter(([, until]) => Date.parse(until) > nowMs)
    .map(([userid, until]) => ({ userid, until }))
    .sort((a, b) => (a.userid < b.userid ? -1 : 1))
}

export function documentOf(value: DenyRecord): DenyDocument {
  return { epoch: value.epoch, issuedBefore: value.issuedBefore, denied: value.denied.map((one) => one.userid) }
}

/** Whether what AWS read back refuses everything that it should. More than that is fine. */
export function covers(held: DenyDocument | undefined, wanted: DenyDocument): boolean {
  if (!held || held.epoch !== wanted.epoch) return false
  if (Date.parse(held.issuedBefore) < Date.parse(wanted.issuedBefore)) return false
  const ids = new Set(held.denied)
  return wanted.denied.every((userid) => ids.has(userid))
}
