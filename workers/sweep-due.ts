import type { Logger } from 'pino'
import { z } from 'zod'
import { settleAll } from '../src/async.ts'
import { isLatchkeyError } from '../src/errors.ts'
import { type Act, type JobQueue, sweepOccasion } from '../src/jobs/catalog.ts'
import type { DueKind } from '../src/store/commit.ts'
import type { RecordPort, Stored } from '../src/store/record-store.ts'
import { type Loop, startLoop, within } from './loop.ts'

export interface SweepDeps {
  readonly record: Pick<RecordPort, 'now' | 'due' | 'read' | 'readMany'>
  readonly queue: JobQueue
  readonly log: Logger
  /** Carries the revocation out here, under the same leases as the job would. */
  readonly revokeNow: (grantId: string) => Promise<void>
  readonly lapse: (requestId: string) => Promise<void>
  /** Looks at a role's Deny document again. */
  readonly keepRole: (id: string) => Promise<void>
  /** Looks at what a grant lay on, after its end. */
  readonly keepTarget: (grantId: string) => Promise<void>
  /** Brings the copies of a request to the present state. */
  readonly syncMessages: (requestId: string) => Promise<void>
  /** Posts a notice in the security channel. */
  readonly deliverSecurityNotice: (noticeId: string) => Promise<void>
}

interface DueGrant {
  readonly id: string
  readonly at: number
}

const EVERY_MS = 1_000
/** The queue comes first; what it has not done by then is enqueued again. */
const GRACE_MS = 2_000
/** A queue that has not revoked by then is not waited for any longer. */
const OVERDUE_MS = 30_000
const AT_ONCE = 10_000
const REVOCATIONS_AT_ONCE = 10
/** Roles or targets. So that those of an account that does not answer hold up the others less. */
const LOOKS_AT_ONCE = 20
/** A queue that hangs must not keep the sweeper waiting. */
const ADD_WITHIN_MS = 5_000
const STOP_WITHIN_MS = 20_000

const grantFacts = z.object({ status: z.string(), endsAt: z.string().optional() })

/** The due index is the truth, the queue only the alarm clock: what is overdue is enqueued again, and at last done here. */
export function sweepDue(deps: SweepDeps): Loop {
  const { log } = deps
  const grants = grantSweep(deps)
  const plain = (kind: DueKind, act: (id: string) => Promise<void>, options?: PlainOptions) =>
    startLoop({ name: `sweep-due-${kind}`, turn: plainSweep(deps, kind, act, options), pauseMs: EVERY_MS, log })
  const loops = [
    startLoop({ name: 'sweep-due-grants', turn: grants.turn, pauseMs: EVERY_MS, log }),
    plain('requests', deps.lapse),
    plain('roles', deps.keepRole, { atOnce: LOOKS_AT_ONCE }),
    plain('targets', deps.keepTarget, { atOnce: LOOKS_AT_ONCE }),
    plain('copies', deps.syncMessages, { graceMs: GRACE_MS }),
    plain('notices', deps.deliverSecurityNotice),
  ]
  return {
    async stop() {
      await Promise.all(loops.map((loop) => loop.stop()))
      await within(STOP_WITHIN_MS, grants.settled())
    },
    sinceLastTurnMs: () => Math.max(...loops.map((loop) => loop.sinceLastTurnMs())),
  }
}

interface Round {
  readonly occasion: string
  readonly acts: Map<string, Act>
  readonly enqueued: Set<string>
}

function grantSweep(deps: SweepDeps) {
  const { record, log } = deps
  const revocations = overdueRevocations(deps)
  /** Within these ten seconds nothing is read, enqueued or tried twice. */
  let round: Round = { occasion: '', acts: new Map(), enqueued: new Set() }

  async function turn(): Promise<void> {
    const now = await record.now()
    const occasion = sweepOccasion(now)
    if (occasion !== round.occasion) round = { occasion, acts: new Map(), enqueued: new Set() }
    const due = await record.due('grants', now - GRACE_MS, AT_ONCE)
    const unknown = due.map(({ id }) => id).filter((id) => !round.acts.has(id))
    const stored = await readEach(record, unknown, log)
    for (const [position, id] of unknown.entries()) round.acts.set(id, actFor(stored[position]))
    // Before the queue is asked for anything: it may be what has failed.
    const overdue = due.filter(({ id, at }) => at <= now - OVERDUE_MS && round.acts.get(id) === 'revoke')
    revocations.start(overdue, occasion)
    await enqueue(deps, round, due)
  }

  return { turn, settled: revocations.settled }
}

async function enqueue({ queue, log }: SweepDeps, round: Round, due: readonly DueGrant[]): Promise<void> {
  const ids = due.map(({ id }) => id).filter((id) => !round.enqueued.has(id))
  if (ids.length === 0) return
  const jobs = ids.map((id) => ({ act: round.acts.get(id) ?? 'revoke', recordId: id, occasion: round.occasion }))
  if (!(await within(ADD_WITHIN_MS, queue.add(jobs)))) throw new Error('The queue did not take overdue jobs in time.')
  for (const id of ids) round.enqueued.add(id)
  log.warn({ grantIds: ids.slice(0, 20), count: ids.length }, 'overdue grants were enqueued again')
}

function overdueRevocations({ revokeNow, log }: SweepDeps) {
  const running = new Map<string, Promise<void>>()
  let tried = { occasion: '', ids: new Set<string>() }

  async function revoke(id: string): Promise<void> {
    try {
      await revokeNow(id)
      log.warn({ grantId: id }, 'the sweeper looked after an overdue revocation itself')
    } catch (error) {
      log.error({ grantId: id, err: error }, 'the sweeper could not revoke an overdue grant; it tries again')
    } finally {
      running.delete(id)
    }
  }

  return {
    /** Does not wait for AWS: one revocation that hangs must not stop the sweep. */
    start(overdue: readonly DueGrant[], occasion: string): void {
      if (tried.occasion !== occasion) tried = { occasion, ids: new Set() }
      const waiting = overdue.filter(({ id }) => !running.has(id) && !tried.ids.has(id))
      for (const { id } of waiting.slice(0, Math.max(0, REVOCATIONS_AT_ONCE - running.size))) {
        tried.ids.add(id)
        running.set(id, revoke(id))
      }
    },
    settled: () => Promise.all(running.values()),
  }
}

interface PlainOptions {
  readonly graceMs?: number
  readonly atOnce?: number
}

/** What is due is done right here, once in ten seconds until it is no longer due. */
function plainSweep(
  { record, log }: SweepDeps,
  kind: DueKind,
  act: (id: string) => Promise<void>,
  { graceMs = 0, atOnce = 1 }: PlainOptions = {},
): () => Promise<void> {
  let tried = { occasion: '', ids: new Set<string>() }

  async function actOn(id: string): Promise<void> {
    tried.ids.add(id)
    try {
      await act(id)
    } catch (error) {
      log.error({ kind, id, err: error }, 'what was due could not be done; it is tried again')
    }
  }

  return async () => {
    const now = await record.now()
    const occasion = sweepOccasion(now)
    if (tried.occasion !== occasion) tried = { occasion, ids: new Set() }
    const due = await record.due(kind, now - graceMs, AT_ONCE)
    const ids = due.map(({ id }) => id).filter((id) => !tried.ids.has(id))
    await settleAll(ids, actOn, atOnce)
  }
}

/** A grant that never fixed its end is still to be activated. Everything else, the unreadable too, only has an end to come to. */
function actFor(stored: Stored | undefined): Act {
  const facts = grantFacts.safeParse(stored?.value)
  return facts.success && facts.data.status === 'activating' && facts.data.endsAt === undefined ? 'activate' : 'revoke'
}

/** One record that cannot be read must not hide the others. */
async function readEach(
  record: SweepDeps['record'],
  ids: readonly string[],
  log: Logger,
): Promise<readonly (Stored | undefined)[]> {
  try {
    return await record.readMany('grant', ids)
  } catch (error) {
    if (isLatchkeyError(error, 'UNAVAILABLE')) throw error
    return Promise.all(ids.map((id) => readOne(record, id, log)))
  }
}

async function readOne(record: SweepDeps['record'], id: string, log: Logger): Promise<Stored | undefined> {
  try {
    return await record.read('grant', id)
  } catch (error) {
    if (isLatchkeyError(error, 'UNAVAILABLE')) throw error
    log.error({ grantId: id, err: error }, 'the record of a due grant cannot be read')
    return undefined
  }
}
