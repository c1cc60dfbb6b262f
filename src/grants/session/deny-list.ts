import { z } from 'zod'
import { isMac, macOf } from '../../mac.ts'
import type { DenyDocument } from '../../policies/deny-document.ts'
import type { Rules } from '../../rules/rules.ts'
import type { Commit } from '../../store/commit.ts'
import type { RecordPort } from '../../store/record-store.ts'
import { APPROVAL_VALID_MS, latestEnd } from '../approval-mac.ts'
import type { Terms } from '../grant.ts'
import { denyId, type SessionPrincipal } from '../principal.ts'

/** What one elevation role refuses early, as Latchkey knows it. An id is in here only after AWS was read back with it. Only what a Deny document can carry is taken. */
const denyListSchema = z.strictObject({
  account: z.string(),
  roleArn: z.string(),
  roleId: z.string(),
  epoch: z.string().min(1),
  issuedBefore: z.iso.datetime({ precision: 0 }),
  denied: z.array(
    z.strictObject({
      userid: z.string().regex(/^AROA[0-9A-Z]+:[\w+=,.@-]{2,64}$/),
      until: z.iso.datetime({ precision: 3 }),
      /** No true yes explains it. What once was explained stays so, whatever becomes of its grant in the record. */
      unexplained: z.literal(true).optional(),
    }),
  ),
  /** When AWS was last written: it is looked at again after that. */
  writtenAt: z.iso.datetime({ precision: 3 }),
})

/** By a key that Redis never holds: whoever can write to Redis can neither lift a denial nor block the writing of one. */
const signedDenyList = denyListSchema.extend({ mac: z.string() })

export type DenyList = z.infer<typeof denyListSchema>

const MARGIN_MS = 5 * 60_000

/** When the id of a grant may leave: its yes is worth nothing any more then, even in a record that was put back from a copy. */
export function deniedUntil(terms: Terms): string {
  return new Date(latestEnd(terms) + MARGIN_MS).toISOString()
}

/** For an id of which nothing can be believed: a true copy of its grant that outlasts the rules of today vends nothing any more. */
export function unknownUntil({ entitlements }: Pick<Rules, 'entitlements'>, nowMs: number): string {
  const longestMinutes = Math.max(0, ...entitlements.map((one) => one.longestMinutes))
  return new Date(nowMs + APPROVAL_VALID_MS + longestMinutes * 60_000 + MARGIN_MS).toISOString()
}

interface KnownDenyList {
  readonly version: number
  /** Undefined: there is none, or one that we did not write. It says nothing about AWS then, and is made anew from what AWS holds. */
  readonly value: DenyList | undefined
}

export async function readDenyList(
  record: Pick<RecordPort, 'read'>,
  approvalKey: string,
  id: string,
): Promise<KnownDenyList> {
  const stored = await record.read('deny', id)
  if (!stored) return { version: 0, value: undefined }
  const parsed = signedDenyList.safeParse(stored.value)
  if (!parsed.success) return { version: stored.version, value: undefined }
  const { mac, ...value } = parsed.data
  const isOurs = isMac(macOf(approvalKey, 'deny', value), mac) && denyId(principalOf(value)) === id
  return { version: stored.version, value: isOurs ? value : undefined }
}

export function principalOf({ account, roleArn, roleId }: DenyList): SessionPrincipal {
  return { driver: 'session', account, roleArn, roleId }
}

/** The write of a role's list, with its entry in the due index: by then somebody must look at AWS again. */
export function denyListCommit(
  approvalKey: string,
  expectedVersion: number,
  value: DenyList,
  dueAt: number | null,
  audit: Commit['audit'],
): Commit {
  const id = denyId(principalOf(value))
  const next = { ...value, mac: macOf(approvalKey, 'deny', value) }
  return {
    records: [{ kind: 'deny', id, expectedVersion, next }],
    due: [{ kind: 'roles', id, at: dueAt }],
    audit,
  }
}

/** What AWS holds, and when those of it may leave that nothing else is known of. */
interface Held extends Pick<DenyDocument, 'denied' | 'unexplained'> {
  readonly until: string
}

/** Record + what AWS holds and cannot be proven over. An id is unexplained only as long as nobody has ever explained it. */
export function mergeDenied(
  known: DenyList['denied'],
  held: Held,
  added: DenyList['denied'],
  nowMs: number,
): DenyList['denied'] {
  const byId = new Map<string, DenyList['denied'][number]>()
  const unexplained = new Set(held.unexplained)
  for (const userid of held.denied) byId.set(userid, entry(userid, held.until, unexplained.has(userid)))
  for (const one of [...known, ...added]) {
    const before = byId.get(one.userid) ?? one
    byId.set(one.userid, entry(one.userid, one.until, before.unexplained === true && one.unexplained === true))
  }
  return [...byId.values()]
    .filter(({ until }) => Date.parse(until) > nowMs)
    .sort((a, b) => (a.userid < b.userid ? -1 : 1))
}

function entry(userid: string, until: string, isUnexplained: boolean): DenyList['denied'][number] {
  return { userid, until, ...(isUnexplained ? { unexplained: true } : {}) }
}

export function documentOf(value: Pick<DenyList, 'epoch' | 'issuedBefore' | 'denied'>): DenyDocument {
  const unexplained = value.denied.filter((one) => one.unexplained).map((one) => one.userid)
  return {
    epoch: value.epoch,
    issuedBefore: value.issuedBefore,
    denied: value.denied.map((one) => one.userid),
    ...(unexplained.length > 0 ? { unexplained } : {}),
  }
}

/** Whether what AWS read back refuses everything that it should. More than that is fine. */
export function covers(held: DenyDocument | undefined, wanted: DenyDocument): boolean {
  if (!held || held.epoch !== wanted.epoch) return false
  if (Date.parse(held.issuedBefore) < Date.parse(wanted.issuedBefore)) return false
  const ids = new Set(held.denied)
  return wanted.denied.every((userid) => ids.has(userid))
}

/** Whether AWS holds just that: nothing is to be written. */
export function isHeld(held: DenyDocument | undefined, wanted: DenyDocument): boolean {
  if (!held || !covers(held, wanted) || held.denied.length !== wanted.denied.length) return false
  return (held.unexplained?.length ?? 0) === (wanted.unexplained?.length ?? 0)
}
