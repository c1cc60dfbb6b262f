import { z } from 'zod'
import { LATCHKEY } from '../audit/events.ts'
import { LatchkeyError } from '../errors.ts'
import { isMac, macOf } from '../mac.ts'
import type { Rules } from '../rules/rules.ts'
import type { Commit } from '../store/commit.ts'
import { idOf } from '../store/ids.ts'
import type { RecordPort } from '../store/record-store.ts'
import { againOnConflict } from '../store/retry.ts'
import { type ClaimFields, claimLastsMs, LONGEST_CLAIM_MS, type Versioned } from './delivery-claim.ts'

const common = {
  id: z.string().regex(/^n-[0-9a-hjkmnp-tv-z]{12}$/),
  /** When it was found or done, by the record's clock. */
  at: z.iso.datetime({ precision: 3 }),
}

/** What the security channel is told. Each kind has its own words on the card; nothing else can be said there. */
const notice = z.discriminatedUnion('kind', [
  /** `latchkey recover`; `by`: who ran it, as that machine names them. */
  z.strictObject({ kind: z.literal('epoch-renewed'), ...common, by: z.string() }),
  /** AWS knows another record than this one. `role`: the ARN of the first role where that was seen. */
  z.strictObject({ kind: z.literal('record-replaced'), ...common, role: z.string() }),
  /** The record is the one that AWS knew; the Deny document was not as we had left it. `isFirst`: what is attached in its account went too. */
  z.strictObject({ kind: z.literal('deny-changed'), ...common, role: z.string(), isFirst: z.boolean() }),
])

export type SecurityNotice = z.infer<typeof notice>

const noticeRecord = z.strictObject({
  notice,
  /** By a key that Redis never holds: whoever can write to Redis cannot say anything in the channel. */
  mac: z.string(),
  /** Somebody is posting it, or Teams is left alone, until then. */
  notBefore: z.iso.datetime({ precision: 3 }).exactOptional(),
  /** How often it was posted without an answer. */
  tries: z.int().positive().exactOptional(),
  /** How often there was no channel to post it in. */
  refusals: z.int().positive().exactOptional(),
  postedAt: z.iso.datetime({ precision: 3 }).exactOptional(),
})

export type StoredSecurityNotice = z.infer<typeof noticeRecord>

export type VersionedSecurityNotice = Versioned<StoredSecurityNotice>

/** `notBefore` is the end of a claim, or of a wait. */
export const noticeClaim: ClaimFields<StoredSecurityNotice> = {
  read: ({ notBefore = '', tries = 0 }) => ({ tries, untilMs: Date.parse(notBefore), longestMs: LONGEST_CLAIM_MS }),
  claim: (value, tries, nowMs) => ({ ...value, tries, notBefore: isoTime(nowMs + claimLastsMs(tries)) }),
  clear: ({ notBefore: _, tries: __, ...value }) => value,
  unclaim: (value, tries, notBeforeMs) => ({
    ...noticeClaim.clear(value),
    ...(tries > 0 ? { tries } : {}),
    notBefore: isoTime(notBeforeMs),
  }),
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString()
}

interface ReadDeps {
  readonly record: Pick<RecordPort, 'read'>
  readonly approvalKey: string
}

interface NoticeDeps extends ReadDeps {
  readonly record: Pick<RecordPort, 'read' | 'commit'>
  readonly rules: Pick<Rules, 'securityChannel'>
  readonly log: { error(data: object, message: string): void }
}

const NOT_TOLD =
  'what the security channel must be told cannot be kept in the record: tell the people who look after security'

/** @example noticeIdOf(epoch) // whoever meets the same epoch means the same notice */
export function noticeIdOf(facts: string): string {
  return idOf('n', facts)
}

/** In a commit of its own, unless it stands in the record already. Where the rules name no channel, audit and log alone say it. */
export async function recordSecurityNotice(deps: NoticeDeps, notice: SecurityNotice | undefined): Promise<void> {
  if (!notice || deps.rules.securityChannel === undefined) return
  try {
    // Another role's round may be writing the same one.
    await againOnConflict(() => writeUnlessWritten(deps, notice))
  } catch (error) {
    // An outage is waited for. A key that somebody spoilt must not keep AWS from refusing anybody.
    if (error instanceof LatchkeyError) throw error
    deps.log.error({ noticeId: notice.id, what: notice.kind, err: error }, NOT_TOLD)
  }
}

async function writeUnlessWritten(deps: NoticeDeps, notice: SecurityNotice): Promise<void> {
  const stored = await deps.record.read('notice', notice.id)
  if (parseGenuine(deps.approvalKey, notice.id, stored?.value)) return
  await deps.record.commit(noticeCommit(deps, notice, stored?.version ?? 0))
}

/** What joins the commit of that which is told. */
export function noticeCommit(
  { approvalKey, rules }: Pick<NoticeDeps, 'approvalKey' | 'rules'>,
  notice: SecurityNotice,
  expectedVersion: number,
): Pick<Commit, 'records' | 'audit'> & Required<Pick<Commit, 'due'>> {
  if (rules.securityChannel === undefined) return { records: [], due: [], audit: [] }
  const { id, kind } = notice
  const next: StoredSecurityNotice = { notice, mac: macOf(approvalKey, 'notice', notice) }
  return {
    records: [{ kind: 'notice', id, expectedVersion, next }],
    // At once by every clock: the one that wrote it may have been ahead.
    due: [{ kind: 'notices', id, at: 0 }],
    audit: [{ kind: 'notice.written', actor: LATCHKEY, noticeId: id, what: kind }],
  }
}

/** Undefined: there is none, or one that we did not write. */
export async function readNotice(
  { record, approvalKey }: ReadDeps,
  id: string,
): Promise<VersionedSecurityNotice | undefined> {
  const stored = await record.read('notice', id)
  const value = parseGenuine(approvalKey, id, stored?.value)
  return stored && value ? { version: stored.version, value } : undefined
}

function parseGenuine(approvalKey: string, id: string, value: unknown): StoredSecurityNotice | undefined {
  const { data } = noticeRecord.safeParse(value)
  const isOurs = data?.notice.id === id && isMac(macOf(approvalKey, 'notice', data.notice), data.mac)
  return isOurs ? data : undefined
}
