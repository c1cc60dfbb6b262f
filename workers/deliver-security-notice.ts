import type { Logger } from 'pino'
import { LATCHKEY } from '../src/audit/events.ts'
import { renderNotice } from '../src/cards/security-notice-card.ts'
import { type Budget, type MessageSender, SenderBusy, Unreachable } from '../src/messages/message-sender.ts'
import { readNotice, type StoredSecurityNotice, type VersionedSecurityNotice } from '../src/messages/security-notice.ts'
import type { Rules } from '../src/rules/rules.ts'
import type { Commit } from '../src/store/commit.ts'
import type { RecordPort } from '../src/store/record-store.ts'
import { isLostRace } from '../src/store/retry.ts'

export interface TellDeps {
  readonly record: RecordPort
  readonly channel: Pick<MessageSender, 'post'>
  readonly budget: Budget
  readonly approvalKey: string
  readonly rules: Pick<Rules, 'securityChannel'>
  readonly log: Logger
}

const HOUR_MS = 3_600_000
/** One an hour, for a week. Counted, because the record's clock may be set. */
const MOST_REFUSALS = 7 * 24
/** Longer than one posting may take: whoever claimed it has died. After each try without an answer it lasts longer: what was posted may be there. */
const CLAIM_LASTS_MS = 60_000
const LONGER_EACH_TRY = 5
/** Clocks of two processes and one Redis. */
const SKEW_MS = 120_000

const WHAT_TO_DO =
  'the security channel was not told: add the Latchkey app to that team, or correct securityChannel in the rules; it is tried again every hour'
const GIVEN_UP = 'for a week the security channel could not be told: see the audit log; it is not tried again'

/** Posts a notice that is due: claim, post, keep. Its due entry stays until Teams took it, or for a week of refusals. Safe twice, safe late. */
export async function deliverSecurityNotice(deps: TellDeps, id: string): Promise<void> {
  const { record, rules, budget } = deps
  const [nowMs, stored] = await Promise.all([record.now(), readNotice(deps, id)])
  if (!stored) return await dropForged(deps, id)
  if (stored.value.postedAt !== undefined) return await dropDue(record, id)
  if (isWaiting(stored.value, nowMs)) return
  const { securityChannel } = rules
  if (securityChannel === undefined) return await keepUnposted(deps, stored)
  const turn = await budget.take(securityChannel)
  if ('waitMs' in turn) return
  try {
    await claimAndPost(deps, stored, securityChannel)
  } finally {
    await turn.giveBack()
  }
}

async function keepUnposted(deps: TellDeps, stored: VersionedSecurityNotice): Promise<void> {
  const claimed = await claim(deps, stored)
  if (claimed) await keepRefusal(deps, claimed, 'The rules name none any more.')
}

async function claimAndPost(deps: TellDeps, stored: VersionedSecurityNotice, place: string): Promise<void> {
  const claimed = await claim(deps, stored)
  if (!claimed) return
  const { notice } = claimed.value
  try {
    await deps.channel.post(place, renderNotice(notice))
  } catch (error) {
    return await afterFailure(deps, claimed, error)
  }
  const postedAt = timeOf(await deps.record.now())
  await finish(deps.record, claimed, { ...withoutClaim(claimed.value), postedAt }, [
    { kind: 'notice.posted', actor: LATCHKEY, noticeId: notice.id, what: notice.kind },
  ])
}

/** Undefined: another worker was first, and posts it. */
async function claim(
  { record }: TellDeps,
  stored: VersionedSecurityNotice,
): Promise<VersionedSecurityNotice | undefined> {
  const tries = (stored.value.tries ?? 0) + 1
  const lastsMs = Math.min(HOUR_MS, CLAIM_LASTS_MS * LONGER_EACH_TRY ** (tries - 1))
  try {
    return await write(record, stored, { ...stored.value, tries, notBefore: timeOf((await record.now()) + lastsMs) })
  } catch (error) {
    if (isLostRace(error)) return undefined
    throw error
  }
}

/** Where nobody knows whether it was posted, the claim stays for its time. */
async function afterFailure(deps: TellDeps, claimed: VersionedSecurityNotice, error: unknown): Promise<void> {
  if (error instanceof Unreachable) return await keepRefusal(deps, claimed, error.reason)
  if (!(error instanceof SenderBusy)) throw error
  const { record, log } = deps
  const { id: noticeId, kind: what } = claimed.value.notice
  log.warn(
    { noticeId, what, err: error.cause },
    'Teams did not take a notice for the security channel; it is tried again',
  )
  if (!error.refused) return
  const notBefore = timeOf((await record.now()) + Math.min(HOUR_MS, error.waitMs))
  await write(record, claimed, { ...withoutTry(claimed.value), notBefore })
}

/** Nowhere to post it. Only this is counted, and only this ends it. */
async function keepRefusal({ record, log }: TellDeps, claimed: VersionedSecurityNotice, reason: string): Promise<void> {
  const { id: noticeId, kind: what } = claimed.value.notice
  const refusals = (claimed.value.refusals ?? 0) + 1
  const next = { ...withoutClaim(claimed.value), refusals }
  const isLast = refusals >= MOST_REFUSALS
  log.error({ noticeId, what, reason }, isLast ? GIVEN_UP : WHAT_TO_DO)
  if (isLast) {
    return await finish(record, claimed, next, [{ kind: 'alarm.notice-undelivered', actor: LATCHKEY, noticeId, what }])
  }
  await write(record, claimed, { ...next, notBefore: timeOf((await record.now()) + HOUR_MS) })
}

/** What is further ahead than we ever write was written by a clock that was ahead, or by somebody else. */
function isWaiting({ notBefore }: StoredSecurityNotice, nowMs: number): boolean {
  const leftMs = Date.parse(notBefore ?? '') - nowMs
  return leftMs > 0 && leftMs <= HOUR_MS + SKEW_MS
}

function withoutClaim({ notBefore: _, tries: __, ...value }: StoredSecurityNotice): StoredSecurityNotice {
  return value
}

function withoutTry({ tries = 1, ...value }: StoredSecurityNotice): StoredSecurityNotice {
  return { ...value, ...(tries > 1 ? { tries: tries - 1 } : {}) }
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString()
}

async function dropForged({ record, log }: TellDeps, id: string): Promise<void> {
  log.error({ noticeId: id }, 'a notice for the security channel is not of us, or gone: somebody wrote into the record')
  await dropDue(record, id, [{ kind: 'alarm.notice-does-not-add-up', actor: LATCHKEY, noticeId: id }])
}

async function dropDue(record: RecordPort, id: string, audit: Commit['audit'] = []): Promise<void> {
  await record.commit({ records: [], due: [{ kind: 'notices', id, at: null }], audit })
}

/** It stays due. */
async function write(
  record: RecordPort,
  stored: VersionedSecurityNotice,
  next: StoredSecurityNotice,
): Promise<VersionedSecurityNotice> {
  await record.commit({ records: [change(stored, next)], audit: [] })
  return { version: stored.version + 1, value: next }
}

async function finish(
  record: RecordPort,
  stored: VersionedSecurityNotice,
  next: StoredSecurityNotice,
  audit: Commit['audit'],
) {
  const due: Commit['due'] = [{ kind: 'notices', id: next.notice.id, at: null }]
  await record.commit({ records: [change(stored, next)], due, audit })
}

function change({ version, value }: VersionedSecurityNotice, next: StoredSecurityNotice): Commit['records'][number] {
  return { kind: 'notice', id: value.notice.id, expectedVersion: version, next }
}
