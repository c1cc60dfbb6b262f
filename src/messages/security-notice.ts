import { z } from 'zod'
import { LATCHKEY } from '../audit/events.ts'
import { LatchkeyError } from '../errors.ts'
import { isMac, makeMac } from '../mac.ts'
import type { Rules } from '../rules/rules.ts'
import type { Commit } from '../store/commit.ts'
import { idOf } from '../store/ids.ts'
import type { RecordPort } from '../store/record-store.ts'
import { againOnConflict } from '../store/retry.ts'
import { type ClaimFields, claimLastsMs, LONGEST_CLAIM_MS, type Versioned } from './delivery-claim.ts'

const common = {
  id: z.string().regex(/^n-[0-9a-hjkmnp-tv-z]{12}$/),
  /** When the event happened or was found, by the record's clock. */
  at: z.iso.datetime({ precision: 3 }),
}

/** The kinds of security notices. The card has fixed words for each kind, so a notice holds facts and no free text. */
const notice = z.discriminatedUnion('kind', [
  /** `latchkey recover` was run. `by`: the person who ran it, as their machine names them. */
  z.strictObject({ kind: z.literal('epoch-renewed'), ...common, by: z.string() }),
  /** AWS carries the epoch of another record. `role`: ARN of the first role where that was found. */
  z.strictObject({ kind: z.literal('record-replaced'), ...common, role: z.string() }),
  /**
   * AWS carries this record's epoch, but the Deny document was changed from outside Latchkey. `isFirst`: what is
   * attached in its account was removed too.
   */
  z.strictObject({ kind: z.literal('deny-changed'), ...common, role: z.string(), isFirst: z.boolean() }),
])

export type SecurityNotice = z.infer<typeof notice>

const noticeRecord = z.strictObject({
  notice,
  /** Made with a key that Redis never holds, so that a write to Redis cannot post to the channel. */
  mac: z.string(),
  /**
   * Nobody posts the notice before this time: a process is posting it, Teams asked to wait, or there was no channel.
   */
  notBefore: z.iso.datetime({ precision: 3 }).exactOptional(),
  /** How often a posting was begun that has had no answer. */
  tries: z.int().positive().exactOptional(),
  /** Attempts that found no channel to post it in. */
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

const NOT_WRITTEN =
  'what the security channel must be told cannot be kept in the record: tell the people who look after security'

/**
 * The same facts make the same id, so that processes that find the same event write one notice.
 * @example noticeIdOf(epoch)
 */
export function noticeIdOf(facts: string): string {
  return idOf('n', facts)
}

/**
 * Writes a security notice in a commit of its own, unless the record has it. Without a security channel in the rules it
 * writes nothing: audit and log are then the only report.
 * @throws LatchkeyError, for example UNAVAILABLE; any other failure is logged
 */
export async function recordSecurityNotice(deps: NoticeDeps, notice: SecurityNotice | undefined): Promise<void> {
  if (!notice || deps.rules.securityChannel === undefined) return
  try {
    // The reconciler of another role may be writing the same notice.
    await againOnConflict(() => writeUnlessWritten(deps, notice))
  } catch (error) {
    // An outage is retried. A Redis key of a wrong type must not stop the caller from reconciling the Deny document.
    if (error instanceof LatchkeyError) throw error
    deps.log.error({ noticeId: notice.id, what: notice.kind, err: error }, NOT_WRITTEN)
  }
}

async function writeUnlessWritten(deps: NoticeDeps, notice: SecurityNotice): Promise<void> {
  const stored = await deps.record.read('notice', notice.id)
  if (parseGenuine(deps.approvalKey, notice.id, stored?.value)) return
  await deps.record.commit(noticeCommit(deps, notice, stored?.version ?? 0))
}

/** Part of the commit that records the event: writes the notice and makes it due. */
export function noticeCommit(
  { approvalKey, rules }: Pick<NoticeDeps, 'approvalKey' | 'rules'>,
  notice: SecurityNotice,
  expectedVersion: number,
): Pick<Commit, 'records' | 'audit'> & Required<Pick<Commit, 'due'>> {
  if (rules.securityChannel === undefined) return { records: [], due: [], audit: [] }
  const { id, kind } = notice
  const next: StoredSecurityNotice = { notice, mac: makeMac(approvalKey, 'notice', notice) }
  return {
    records: [{ kind: 'notice', id, expectedVersion, next }],
    // Due since 0, so that it is due at once by every clock; the writer's clock may be ahead.
    due: [{ kind: 'notices', id, at: 0 }],
    audit: [{ kind: 'notice.written', actor: LATCHKEY, noticeId: id, what: kind }],
  }
}

/** @returns undefined if it is missing or forged */
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
  const isGenuine = data?.notice.id === id && isMac(approvalKey, 'notice', data.notice, data.mac)
  return isGenuine ? data : undefined
}
