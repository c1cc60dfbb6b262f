import { type GenuineRequest, readGenuineRequest } from '../src/access-requests/genuine-request.ts'
import { settleAll } from '../src/async.ts'
import { LATCHKEY } from '../src/audit/events.ts'
import { LatchkeyError } from '../src/errors.ts'
import { readMessages, type StoredMessage } from '../src/messages/message.ts'
import type { Commit, DueChange } from '../src/store/commit.ts'
import type { RecordPort } from '../src/store/record-store.ts'
import { isLostRace } from '../src/store/retry.ts'
import { type LoadedRequest, readViewOf } from '../src/views/read-view.ts'
import { deliverMessage } from './deliver-message.ts'
import { handleAlone, type JobOutcome, RUN_AGAIN_MS } from './job-handler.ts'
import type { DeliveryOutcome, SendDeps } from './send-message.ts'

const DELIVERIES_AT_ONCE = 8
/** Well below two minutes, after which a lease ends even in a living process. */
const MAX_ROUND_MS = 60_000
/** If a request cannot be read, its messages are synced again after this time. */
const UNREADABLE_MS = 3_600_000
/**
 * After a delivery the messages are synced once more: the record may have changed meanwhile, and the job for that
 * change may be lost.
 */
const SYNC_AGAIN_MS = 60_000
/** A message is tried again after this time if its delivery threw an unexpected error. */
const RETRY_FAULT_MS = 30_000

export interface SyncDeps extends SendDeps {
  readonly approvalKey: string
}

/** Brings every message of one request to the present state. Safe to run twice, and safe to run late. */
export async function syncMessages(deps: SyncDeps, requestId: string): Promise<JobOutcome> {
  const { record } = deps
  return await handleAlone(record, `copies-${requestId}`, async () => {
    const [nowMs, genuine] = await Promise.all([record.now(), readGenuine(deps, requestId)])
    if (!genuine) return {}
    const [reading, listed] = genuine
    const messages = listed.filter(({ message }) => message.requestId === requestId)
    const now = clockFrom(nowMs)
    const startedAt = performance.now()
    const isLate = () => performance.now() - startedAt > MAX_ROUND_MS
    const outcomes = await settleAll(
      messages,
      async (stored) => (isLate() ? { waitMs: RUN_AGAIN_MS } : await tryDelivery(deps, reading, stored, now)),
      DELIVERIES_AT_ONCE,
    )
    return await setNextSync(record, reading, outcomes, nowMs)
  })
}

/** @returns undefined if nothing may be shown; the due index is then updated */
async function readGenuine(
  deps: SyncDeps,
  requestId: string,
): Promise<readonly [LoadedRequest<GenuineRequest>, readonly StoredMessage[]] | undefined> {
  const { record, log } = deps
  const due = (at: number | null): readonly DueChange[] => [{ kind: 'copies', id: requestId, at }]
  try {
    const stored = await readGenuineRequest(deps, requestId)
    if (!stored) return await reportMissing(deps, requestId)
    if (stored.kind === 'genuine')
      return await Promise.all([readViewOf(deps, stored), readMessages(record, stored.request.copies)])
    log.error(
      { requestId },
      'an access request is forged: the record was changed from outside Latchkey; it is not shown',
    )
    await record.commit({
      records: [],
      due: due(null),
      audit: [{ kind: 'alarm.ask-does-not-add-up', actor: LATCHKEY, requestId }],
    })
  } catch (error) {
    if (error instanceof LatchkeyError) throw error
    log.error({ requestId, err: error }, 'an access request cannot be read; it is tried again in an hour')
    await record.commit({ records: [], due: due((await record.now()) + UNREADABLE_MS), audit: [] })
  }
  return undefined
}

async function reportMissing({ record, log }: SyncDeps, requestId: string): Promise<undefined> {
  log.error(
    { requestId },
    'a request with due messages is missing from the record: the record was changed from outside Latchkey',
  )
  await record.commit({
    records: [],
    due: [{ kind: 'copies', id: requestId, at: null }],
    audit: [{ kind: 'alarm.request-missing', actor: LATCHKEY, requestId }],
  })
}

/** The record's clock, read once and continued by the process's monotonic clock, which nobody can set. */
function clockFrom(nowMs: number): () => number {
  const askedAt = performance.now()
  return () => Math.floor(nowMs + performance.now() - askedAt)
}

/** A message that cannot be delivered must not stop the others. */
async function tryDelivery(
  deps: SyncDeps,
  reading: LoadedRequest<GenuineRequest>,
  stored: StoredMessage,
  now: () => number,
): Promise<DeliveryOutcome> {
  try {
    return await deliverMessage(deps, reading, stored, now)
  } catch (error) {
    if (isLostRace(error)) return { waitMs: RUN_AGAIN_MS }
    deps.log.error({ copyId: stored.message.id, err: error }, 'a message could not be delivered; it is tried again')
    return { waitMs: RETRY_FAULT_MS }
  }
}

/** Ignores a conflict: the commit that changed the record has made its messages due again, and enqueued a job. */
async function commitUnlessChanged(record: RecordPort, change: Commit): Promise<void> {
  try {
    await record.commit(change)
  } catch (error) {
    if (!isLostRace(error)) throw error
  }
}

/** Removes the due entry only if every message was up to date, and neither request nor grant changed meanwhile. */
async function setNextSync(
  record: RecordPort,
  reading: LoadedRequest<GenuineRequest>,
  outcomes: readonly DeliveryOutcome[],
  nowMs: number,
): Promise<JobOutcome> {
  const { request, grant } = reading
  const due = (at: number | null): readonly DueChange[] => [{ kind: 'copies', id: request.request.id, at }]
  const waits = outcomes.flatMap((outcome) => (typeof outcome === 'string' ? [] : [outcome.waitMs]))
  if (waits.length > 0) {
    // One message that waits long must not delay the next sync of the others.
    const againAt = nowMs + Math.min(SYNC_AGAIN_MS, ...waits)
    await record.commit({ records: [], due: due(againAt), audit: [] })
    return { againAt }
  }
  if (outcomes.includes('delivered')) {
    await record.commit({ records: [], due: due(nowMs + SYNC_AGAIN_MS), audit: [] })
    return {}
  }
  await commitUnlessChanged(record, {
    records: [
      { kind: 'request', id: request.request.id, expectedVersion: request.version },
      ...(grant ? [{ kind: 'grant', id: grant.grant.id, expectedVersion: grant.version } as const] : []),
    ],
    due: due(null),
    audit: [],
  })
  return {}
}

/**
 * Removes a due entry whose id has not the form of a record id. It was not written by Latchkey, the queue would refuse
 * it, and it must not stay first in the index for ever.
 */
export async function forgetDue(record: RecordPort, id: string): Promise<void> {
  await record.commit({ records: [], due: [{ kind: 'copies', id, at: null }], audit: [] })
}
