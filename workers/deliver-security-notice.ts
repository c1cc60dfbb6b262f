import type { Logger } from 'pino'
import { LATCHKEY } from '../src/audit/events.ts'
import { renderNotice } from '../src/cards/security-notice-card.ts'
import { type ClaimStore, claimedForMs, claimToSend, sendClaimed } from '../src/messages/delivery-claim.ts'
import { type Budget, type MessageSender, SenderBusy, Unreachable } from '../src/messages/message-sender.ts'
import {
  noticeClaim,
  readNotice,
  type StoredSecurityNotice,
  type VersionedSecurityNotice,
} from '../src/messages/security-notice.ts'
import type { Rules } from '../src/rules/rules.ts'
import type { Commit } from '../src/store/commit.ts'
import type { RecordPort } from '../src/store/record-store.ts'
import { isLostRace } from '../src/store/retry.ts'

export interface NoticeDeps {
  readonly record: RecordPort
  readonly channel: Pick<MessageSender, 'post'>
  readonly budget: Budget
  readonly approvalKey: string
  readonly rules: Pick<Rules, 'securityChannel'>
  readonly log: Logger
}

const HOUR_MS = 3_600_000
/** One an hour for a week. Refusals are counted, because the record's clock may be changed. */
const MAX_REFUSALS = 7 * 24

const WHAT_TO_DO =
  'a security notice could not be posted: add the Latchkey app to that team, or correct securityChannel in the rules; it is tried again every hour'
const GIVEN_UP = 'a security notice could not be posted for a week: see the audit log; it is not tried again'

/**
 * Posts a security notice that is due. The notice stays due until Teams accepts it, or until 168 attempts, one an hour,
 * have found no channel. It is safe to run twice or late.
 */
export async function deliverSecurityNotice(deps: NoticeDeps, id: string): Promise<void> {
  const { record, rules, budget } = deps
  const [nowMs, stored] = await Promise.all([record.now(), readNotice(deps, id)])
  if (!stored) return await reportForged(deps, id)
  if (stored.value.postedAt !== undefined) return await dropDue(record, id)
  if (claimedForMs(noticeClaim, stored.value, nowMs) > 0) return
  const { securityChannel } = rules
  if (securityChannel === undefined) return await refuseWithoutChannel(deps, stored)
  const permit = await budget.take(securityChannel)
  if ('waitMs' in permit) return
  try {
    await claimAndPost(deps, stored, securityChannel)
  } finally {
    await permit.giveBack()
  }
}

async function refuseWithoutChannel(deps: NoticeDeps, stored: VersionedSecurityNotice): Promise<void> {
  const claimed = await claimUnlessTaken(deps, stored)
  if (claimed) await recordRefusal(deps, claimed, 'The rules name none any more.')
}

async function claimAndPost(deps: NoticeDeps, stored: VersionedSecurityNotice, channelId: string): Promise<void> {
  const claimed = await claimUnlessTaken(deps, stored)
  if (!claimed) return
  const { notice } = claimed.value
  try {
    await sendClaimed(claimStore(deps), claimed, () => deps.channel.post(channelId, renderNotice(notice)))
  } catch (error) {
    return await afterFailure(deps, claimed, error)
  }
  const postedAt = new Date(await deps.record.now()).toISOString()
  await writeLast(deps.record, claimed, { ...noticeClaim.clear(claimed.value), postedAt }, [
    { kind: 'notice.posted', actor: LATCHKEY, noticeId: notice.id, what: notice.kind },
  ])
}

/**
 * Claims the notice.
 * @returns undefined if another worker claimed it first; that worker posts it
 */
async function claimUnlessTaken(
  deps: NoticeDeps,
  stored: VersionedSecurityNotice,
): Promise<VersionedSecurityNotice | undefined> {
  try {
    return await claimToSend(claimStore(deps), stored)
  } catch (error) {
    if (isLostRace(error)) return undefined
    throw error
  }
}

function claimStore({ record }: NoticeDeps): ClaimStore<StoredSecurityNotice> {
  return { fields: noticeClaim, now: () => record.now(), write: (stored, next) => write(record, stored, next) }
}

async function afterFailure(deps: NoticeDeps, claimed: VersionedSecurityNotice, error: unknown): Promise<void> {
  if (error instanceof Unreachable) return await recordRefusal(deps, claimed, error.reason)
  if (!(error instanceof SenderBusy)) throw error
  const { id: noticeId, kind: what } = claimed.value.notice
  deps.log.warn({ noticeId, what, err: error.cause }, 'Teams did not accept a security notice; it is tried again')
}

/** There is no channel to post it in. Only such refusals are counted, and only they end the attempts. */
async function recordRefusal(
  { record, log }: NoticeDeps,
  claimed: VersionedSecurityNotice,
  reason: string,
): Promise<void> {
  const { id: noticeId, kind: what } = claimed.value.notice
  const refusals = (claimed.value.refusals ?? 0) + 1
  const next = { ...noticeClaim.clear(claimed.value), refusals }
  const isLast = refusals >= MAX_REFUSALS
  log.error({ noticeId, what, reason }, isLast ? GIVEN_UP : WHAT_TO_DO)
  if (isLast) {
    return await writeLast(record, claimed, next, [
      { kind: 'alarm.notice-undelivered', actor: LATCHKEY, noticeId, what },
    ])
  }
  const notBefore = new Date((await record.now()) + HOUR_MS).toISOString()
  await write(record, claimed, { ...next, notBefore })
}

async function reportForged({ record, log }: NoticeDeps, id: string): Promise<void> {
  log.error(
    { noticeId: id },
    'a due security notice is forged or missing: the record was changed from outside Latchkey',
  )
  await dropDue(record, id, [{ kind: 'alarm.notice-does-not-add-up', actor: LATCHKEY, noticeId: id }])
}

async function dropDue(record: RecordPort, id: string, audit: Commit['audit'] = []): Promise<void> {
  await record.commit({ records: [], due: [{ kind: 'notices', id, at: null }], audit })
}

/** Leaves the notice due. */
async function write(
  record: RecordPort,
  stored: VersionedSecurityNotice,
  next: StoredSecurityNotice,
): Promise<VersionedSecurityNotice> {
  await record.commit({ records: [noticeWrite(stored, next)], audit: [] })
  return { version: stored.version + 1, value: next }
}

/** Writes the notice's last state and removes its due entry. */
async function writeLast(
  record: RecordPort,
  stored: VersionedSecurityNotice,
  next: StoredSecurityNotice,
  audit: Commit['audit'],
): Promise<void> {
  const due: Commit['due'] = [{ kind: 'notices', id: next.notice.id, at: null }]
  await record.commit({ records: [noticeWrite(stored, next)], due, audit })
}

function noticeWrite(
  { version, value }: VersionedSecurityNotice,
  next: StoredSecurityNotice,
): Commit['records'][number] {
  return { kind: 'notice', id: value.notice.id, expectedVersion: version, next }
}
