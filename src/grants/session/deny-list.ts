import { z } from 'zod'
import { isMac, makeMac } from '../../mac.ts'
import type { DenyDocument } from '../../policies/deny-document.ts'
import type { Rules } from '../../rules/rules.ts'
import type { Commit } from '../../store/commit.ts'
import type { RecordPort } from '../../store/record-store.ts'
import { APPROVAL_VALID_MS, latestEnd } from '../approval-mac.ts'
import type { Terms } from '../grant.ts'
import { denyId, type SessionPrincipal } from '../principal.ts'

/**
 * The record of the sessions that one elevation role denies. An id is added only after it was verified in AWS. The
 * schema accepts only values that a Deny document can carry.
 */
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
      /**
       * Present when no genuine approval explains the id. An id that was explained once stays explained, even if its
       * grant disappears from the record.
       */
      unexplained: z.literal(true).optional(),
    }),
  ),
  /** When the Deny document was last written. It is checked again some time after this. */
  writtenAt: z.iso.datetime({ precision: 3 }),
})

/** Redis never holds the MAC's key, so a writer to Redis can neither lift a denial nor prevent one. */
const signedDenyList = denyListSchema.extend({ mac: z.string() })

export type DenyList = z.infer<typeof denyListSchema>

const MARGIN_MS = 5 * 60_000

/**
 * When the id of a grant may leave the deny list. Its approval is then void, even in a record that is restored from a
 * backup.
 */
export function deniedUntil(terms: Terms): string {
  return new Date(latestEnd(terms) + MARGIN_MS).toISOString()
}

/**
 * When an id whose grant is not believed may leave: after the longest grant that the current rules allow. A genuine
 * version of the grant that lasts longer is not eligible under these rules, so it vends nothing.
 */
export function unknownUntil({ entitlements }: Pick<Rules, 'entitlements'>, nowMs: number): string {
  const longestMinutes = Math.max(0, ...entitlements.map((one) => one.longestMinutes))
  return new Date(nowMs + APPROVAL_VALID_MS + longestMinutes * 60_000 + MARGIN_MS).toISOString()
}

interface KnownDenyList {
  readonly version: number
  /** Undefined: there is no deny list, or it is forged. It is then rebuilt from the Deny document in AWS. */
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
  const isGenuine = isMac(approvalKey, 'deny', value, mac) && denyId(principalOf(value)) === id
  return { version: stored.version, value: isGenuine ? value : undefined }
}

export function principalOf({ account, roleArn, roleId }: DenyList): SessionPrincipal {
  return { driver: 'session', account, roleArn, roleId }
}

/** @param dueAt when the Deny document must be checked again, ms since 1970; null: never */
export function denyListCommit(
  approvalKey: string,
  expectedVersion: number,
  value: DenyList,
  dueAt: number | null,
  audit: Commit['audit'],
): Commit {
  const id = denyId(principalOf(value))
  const next = { ...value, mac: makeMac(approvalKey, 'deny', value) }
  return {
    records: [{ kind: 'deny', id, expectedVersion, next }],
    due: [{ kind: 'roles', id, at: dueAt }],
    audit,
  }
}

/** The ids that AWS denies. An id about which the record knows nothing may leave at `until`. */
interface Held extends Pick<DenyDocument, 'denied' | 'unexplained'> {
  readonly until: string
}

/**
 * Merges the recorded ids, the ids in AWS and the new ids, without those that may leave by `nowMs`. An id is
 * unexplained only if no source explains it.
 */
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

/** Whether the document in AWS denies at least what `wanted` denies. */
export function covers(held: DenyDocument | undefined, wanted: DenyDocument): boolean {
  if (!held || held.epoch !== wanted.epoch) return false
  if (Date.parse(held.issuedBefore) < Date.parse(wanted.issuedBefore)) return false
  const ids = new Set(held.denied)
  return wanted.denied.every((userid) => ids.has(userid))
}

/** Whether the document in AWS equals `wanted`, so that nothing needs to be written. */
export function isHeld(held: DenyDocument | undefined, wanted: DenyDocument): boolean {
  if (!held || !covers(held, wanted) || held.denied.length !== wanted.denied.length) return false
  return (held.unexplained?.length ?? 0) === (wanted.unexplained?.length ?? 0)
}
