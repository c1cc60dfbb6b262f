import type { Logger } from 'pino'
import { LATCHKEY } from '../src/audit/events.ts'
import { type Budget, type Channel, ChannelBusy, PlaceGone } from '../src/cards/channel.ts'
import { renderNotice } from '../src/cards/render-notice.ts'
import { type NoticeRecord, readNotice, type StoredNotice } from '../src/grants/notice.ts'
import { type Commit, isLostRace, type RecordPort } from '../src/record.ts'
import type { Rules } from '../src/rules/rules-file.ts'

export interface TellNeeds {
  readonly record: RecordPort
  readonly channel: Pick<Channel, 'post'>
  readonly budget: Budget
  readonly approvalKey: string
  readonly rules: Pick<Rules, 'securityChannel'>
  readonly log: Logger
}

const HOUR_MS = 3_600_000
const WEEK_MS = 7 * 24 * HOUR_MS
/** Longer than one posting may take: whoever claimed it has died. After each try without an answer it lasts longer: what was posted may be there. */
const CLAIM_LASTS_MS = 60_000
const LONGER_EACH_TRY = 5
/** Clocks of two processes and one Redis; what is claimed further ahead was not claimed by us. */
const SKEW_MS = 120_000

const WHAT_TO_DO =
  'the security channel was not told: add the Latchkey app to that team, or correct securityChannel in the rules; it is tried again every hour'

/** Posts a notice that is due: claim, post, keep. Its due entry stays until Teams took it, or for a week. Safe twice, safe late. */
export async function tellSecurity(needs: TellNeeds, id: string): Promise<void> {
  const { record, rules, budget, log } = needs
  const [nowMs, stored] = await Promise.all([record.now(), readNotice(needs, id)])
  if (!stored) return await dropForged(needs, id)
  const { notice, postedAt } = stored.value
  if (postedAt !== undefined) return await lookAgain(record, id, null)
  if (nowMs - Date.parse(notice.at) > WEEK_MS) return await giveUp(needs, stored)
  const claimedMs = claimedForMs(stored.value, nowMs)
  if (claimedMs > 0) return await lookAgain(record, id, nowMs + claimedMs)
  const { securityChannel } = rules
  if (securityChannel === undefined) {
    log.error({ noticeId: id, what: notice.kind, reason: 'The rules name none any more.' }, WHAT_TO_DO)
    return await lookAgain(record, id, nowMs + HOUR_MS)
  }
  const turn = await budget.take(securityChannel)
  if ('waitMs' in turn) return await lookAgain(record, id, nowMs + turn.waitMs)
  try {
    await claimAndPost(needs, stored, securityChannel)
  } finally {
    await turn.giveBack()
  }
}

async function claimAndPost(needs: TellNeeds, stored: StoredNotice, place: string): Promise<void> {
  const claimed = await claim(needs, stored)
  if (!claimed) return
  const { notice } = claimed.value
  try {
    await needs.channel.post(place, renderNotice(notice))
  } catch (error) {
    return await afterFailure(needs, claimed, error)
  }
  const postedAt = new Date(await needs.record.now()).toISOString()
  await write(needs.record, claimed, { ...withoutClaim(claimed.value), postedAt }, null, [
    { kind: 'notice.posted', actor: LATCHKEY, noticeId: notice.id, what: notice.kind },
  ])
}

/** Undefined: another worker was first, and posts it. */
async function claim({ record }: TellNeeds, stored: StoredNotice): Promise<StoredNotice | undefined> {
  const nowMs = await record.now()
  const tries = (stored.value.tries ?? 0) + 1
  const next = { ...stored.value, claimedAt: new Date(nowMs).toISOString(), tries }
  try {
    return await write(record, stored, next, nowMs + claimedForMs(next, nowMs))
  } catch (error) {
    if (isLostRace(error)) return undefined
    throw error
  }
}

/** Where nobody knows whether it was posted, the claim stays for its time, and so does the due entry. */
async function afterFailure({ record, log }: TellNeeds, claimed: StoredNotice, error: unknown): Promise<void> {
  const { id: noticeId, kind: what } = claimed.value.notice
  const nowMs = await record.now()
  if (error instanceof PlaceGone) {
    log.error({ noticeId, what, reason: error.reason }, WHAT_TO_DO)
    await write(record, claimed, withoutClaim(claimed.value), nowMs + HOUR_MS)
    return
  }
  if (!(error instanceof ChannelBusy)) throw error
  log.warn(
    { noticeId, what, err: error.cause },
    'Teams did not take a notice for the security channel; it is tried again',
  )
  if (error.refused) await write(record, claimed, withoutTry(claimed.value), nowMs + error.waitMs)
}

/** How long nobody else may post it; 0: it is nobody's. */
function claimedForMs({ claimedAt, tries = 1 }: NoticeRecord, nowMs: number): number {
  if (claimedAt === undefined) return 0
  const sinceMs = nowMs - Date.parse(claimedAt)
  if (!(sinceMs > -SKEW_MS)) return 0
  return Math.max(0, Math.min(HOUR_MS, CLAIM_LASTS_MS * LONGER_EACH_TRY ** (tries - 1)) - sinceMs)
}

function withoutClaim({ claimedAt: _, tries: __, ...value }: NoticeRecord): NoticeRecord {
  return value
}

function withoutTry({ tries = 1, ...value }: NoticeRecord): NoticeRecord {
  return { ...withoutClaim(value), ...(tries > 1 ? { tries: tries - 1 } : {}) }
}

async function dropForged({ record, log }: TellNeeds, id: string): Promise<void> {
  log.error({ noticeId: id }, 'a notice for the security channel is not of us, or gone: somebody wrote into the record')
  const audit: Commit['audit'] = [{ kind: 'alarm.notice-does-not-add-up', actor: LATCHKEY, noticeId: id }]
  await record.commit({ records: [], due: [{ kind: 'notices', id, at: null }], audit })
}

async function giveUp({ record, log }: TellNeeds, stored: StoredNotice): Promise<void> {
  const { id: noticeId, kind: what } = stored.value.notice
  log.error(
    { noticeId, what },
    'for a week the security channel could not be told: see the audit log; it is not tried again',
  )
  await write(record, stored, stored.value, null, [
    { kind: 'alarm.notice-undelivered', actor: LATCHKEY, noticeId, what },
  ])
}

async function lookAgain(record: RecordPort, id: string, at: number | null): Promise<void> {
  await record.commit({ records: [], due: [{ kind: 'notices', id, at }], audit: [] })
}

async function write(
  record: RecordPort,
  { version, value }: StoredNotice,
  next: NoticeRecord,
  dueAt: number | null,
  audit: Commit['audit'] = [],
): Promise<StoredNotice> {
  const { id } = value.notice
  const due: Commit['due'] = [{ kind: 'notices', id, at: dueAt }]
  await record.commit({ records: [{ kind: 'notice', id, expectedVersion: version, next }], due, audit })
  return { version: version + 1, value: next }
}
