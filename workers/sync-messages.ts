import { readRequest } from '../src/access-requests/access-request.ts'
import { isGenuineRequest } from '../src/access-requests/request-mac.ts'
import { LATCHKEY } from '../src/audit/events.ts'
import { LatchkeyError } from '../src/errors.ts'
import { readMessages, type StoredMessage } from '../src/messages/delivery-claim.ts'
import type { Commit, DueChange } from '../src/store/commit.ts'
import type { RecordPort } from '../src/store/record-store.ts'
import { isLostRace } from '../src/store/retry.ts'
import { type LoadedRequest, readViewOf } from '../src/views/read-view.ts'
import { deliverMessage, type Outcome, type PresentDeps } from './deliver-message.ts'
import { type JobOutcome, RUN_AGAIN_MS } from './job-handler.ts'

/** Renewed while it is held: this is only how long a process that died keeps the others waiting. */
const LEASE_MS = 15_000
const AT_ONCE = 8
/** A lease ends after two minutes, also in a process that lives. */
const LONGEST_ROUND_MS = 60_000
const UNREADABLE_MS = 3_600_000
/** The record may have moved while it was shown, and the job that said so may be lost: it is looked at once more. */
const LOOK_AGAIN_MS = 60_000
/** Of a copy that failed for a reason that no channel named. */
const AFTER_FAULT_MS = 30_000

export interface SyncDeps extends PresentDeps {
  readonly approvalKey: string
}

/** Brings every copy of one request to the present state: claim, present, keep the reference. Safe twice, safe late. */
export async function syncMessages(deps: SyncDeps, requestId: string): Promise<JobOutcome> {
  const { record } = deps
  const lease = await record.lease(`copies-${requestId}`, LEASE_MS)
  if (!lease) return { againAt: (await record.now()) + RUN_AGAIN_MS }
  try {
    const [nowMs, found] = await Promise.all([record.now(), readTrusted(deps, requestId)])
    if (!found) return {}
    const [reading, copies] = found
    const ours = copies.filter(({ message }) => message.requestId === requestId)
    const now = clockFrom(nowMs)
    const outcomes = await inTurns(ours, (one) => tryCopy(deps, reading, one, now))
    return await settle(record, reading, outcomes, nowMs)
  } finally {
    await lease.release()
  }
}

/** Undefined: there is nothing that may be shown, and the due index has been told so. */
async function readTrusted(
  deps: SyncDeps,
  requestId: string,
): Promise<readonly [LoadedRequest, readonly StoredMessage[]] | undefined> {
  const { record, log } = deps
  const due = (at: number | null): readonly DueChange[] => [{ kind: 'copies', id: requestId, at }]
  try {
    const stored = await readRequest(record, requestId)
    if (!stored) return await dropDue(deps, requestId)
    const { request } = stored
    if (isGenuineRequest(deps.approvalKey, request))
      return await Promise.all([readViewOf(deps, stored), readMessages(record, request.copies)])
    log.error({ requestId }, 'what was asked does not add up: somebody wrote into the record; it is not shown')
    await record.commit({
      records: [],
      due: due(null),
      audit: [{ kind: 'alarm.ask-does-not-add-up', actor: LATCHKEY, requestId }],
    })
  } catch (error) {
    if (error instanceof LatchkeyError) throw error
    log.error({ requestId, err: error }, 'what is to be shown cannot be read; it is looked at again in an hour')
    await record.commit({ records: [], due: due((await record.now()) + UNREADABLE_MS), audit: [] })
  }
  return undefined
}

async function dropDue({ record, log }: SyncDeps, requestId: string): Promise<undefined> {
  log.error({ requestId }, 'copies were due of a request that is not in the record: somebody took it out')
  await record.commit({
    records: [],
    due: [{ kind: 'copies', id: requestId, at: null }],
    audit: [{ kind: 'alarm.request-missing', actor: LATCHKEY, requestId }],
  })
}

/** The record's clock, asked once; nobody sets the one that goes on from there. */
function clockFrom(nowMs: number): () => number {
  const askedAt = performance.now()
  return () => Math.floor(nowMs + performance.now() - askedAt)
}

/** One copy that cannot be shown must not hide the others. */
async function tryCopy(
  deps: SyncDeps,
  reading: LoadedRequest,
  one: StoredMessage,
  now: () => number,
): Promise<Outcome> {
  try {
    return await deliverMessage(deps, reading, one, now)
  } catch (error) {
    if (isLostRace(error)) return { waitMs: RUN_AGAIN_MS }
    deps.log.error({ copyId: one.message.id, err: error }, 'a copy could not be shown; it is tried again')
    return { waitMs: AFTER_FAULT_MS }
  }
}

async function inTurns(
  copies: readonly StoredMessage[],
  act: (one: StoredMessage) => Promise<Outcome>,
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = []
  const startedAt = performance.now()
  for (let at = 0; at < copies.length; at += AT_ONCE) {
    if (performance.now() - startedAt > LONGEST_ROUND_MS) return [...outcomes, { waitMs: RUN_AGAIN_MS }]
    outcomes.push(...(await Promise.all(copies.slice(at, at + AT_ONCE).map(act))))
  }
  return outcomes
}

/** The commit that moved it has made the copies due again, and named a job. */
async function unlessMoved(record: RecordPort, change: Commit): Promise<void> {
  try {
    await record.commit(change)
  } catch (error) {
    if (!isLostRace(error)) throw error
  }
}

/** Nothing is due any more only if nothing was left to show, and neither request nor grant moved meanwhile. */
async function settle(
  record: RecordPort,
  reading: LoadedRequest,
  outcomes: readonly Outcome[],
  nowMs: number,
): Promise<JobOutcome> {
  const { request, grant } = reading
  const due = (at: number | null): readonly DueChange[] => [{ kind: 'copies', id: request.request.id, at }]
  const waits = outcomes.flatMap((outcome) => (typeof outcome === 'string' ? [] : [outcome.waitMs]))
  if (waits.length > 0) {
    // However long one of them waits, what the others show is looked at again.
    const againAt = nowMs + Math.min(LOOK_AGAIN_MS, ...waits)
    await record.commit({ records: [], due: due(againAt), audit: [] })
    return { againAt }
  }
  if (outcomes.includes('shown')) {
    await record.commit({ records: [], due: due(nowMs + LOOK_AGAIN_MS), audit: [] })
    return {}
  }
  await unlessMoved(record, {
    records: [
      { kind: 'request', id: request.request.id, expectedVersion: request.version },
      ...(grant ? [{ kind: 'grant', id: grant.grant.id, expectedVersion: grant.version } as const] : []),
    ],
    due: due(null),
    audit: [],
  })
  return {}
}

/** What is no id of ours names no request: somebody wrote it there. No queue takes it, and it must not come first for ever. */
export async function forgetDue(record: RecordPort, id: string): Promise<void> {
  await record.commit({ records: [], due: [{ kind: 'copies', id, at: null }], audit: [] })
}
