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
  /** Revokes in this process, under the same leases as the job. */
  readonly revokeNow: (grantId: string) => Promise<void>
  readonly lapse: (requestId: string) => Promise<void>
  /** Reconciles a role's Deny document. */
  readonly keepRole: (id: string) => Promise<void>
  /** Reconciles the IAM entity of a grant, after the grant's end. */
  readonly keepTarget: (grantId: string) => Promise<void>
  /** Brings the messages of a request to the present state. */
  readonly syncMessages: (requestId: string) => Promise<void>
  readonly deliverSecurityNotice: (noticeId: string) => Promise<void>
}

interface DueGrant {
  readonly id: string
  readonly at: number
}

const PAUSE_MS = 1_000
/** If the queue has not done a job this many ms after its due time, the sweeper enqueues it again. */
const GRACE_MS = 2_000
/** A revocation that is this late is done by the sweeper itself. */
const OVERDUE_MS = 30_000
const MAX_DUE = 10_000
const REVOCATIONS_AT_ONCE = 10
/** Roles, or IAM entities. Many at once, so that an account that does not answer delays the others less. */
const RECONCILES_AT_ONCE = 20
/** A queue that hangs must not stop the sweeper. */
const ADD_WITHIN_MS = 5_000
const STOP_WITHIN_MS = 20_000

const grantFacts = z.object({ status: z.string(), endsAt: z.string().optional() })

/**
 * Acts on what is due. The due index is authoritative, and the queue only a timer: an overdue grant is enqueued again,
 * and after 30 s revoked here.
 */
export function sweepDue(deps: SweepDeps): Loop {
  const { log } = deps
  const grants = grantSweep(deps)
  const plain = (kind: DueKind, act: (id: string) => Promise<void>, options?: PlainOptions) =>
    startLoop({ name: `sweep-due-${kind}`, turn: plainSweep(deps, kind, act, options), pauseMs: PAUSE_MS, log })
  const loops = [
    startLoop({ name: 'sweep-due-grants', turn: grants.turn, pauseMs: PAUSE_MS, log }),
    plain('requests', deps.lapse),
    plain('roles', deps.keepRole, { atOnce: RECONCILES_AT_ONCE }),
    plain('targets', deps.keepTarget, { atOnce: RECONCILES_AT_ONCE }),
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
  /** One occasion of ten seconds. Within it no grant is read, enqueued or tried twice. */
  let round: Round = { occasion: '', acts: new Map(), enqueued: new Set() }

  async function turn(): Promise<void> {
    const now = await record.now()
    const occasion = sweepOccasion(now)
    if (occasion !== round.occasion) round = { occasion, acts: new Map(), enqueued: new Set() }
    const due = await record.due('grants', now - GRACE_MS, MAX_DUE)
    const unknown = due.map(({ id }) => id).filter((id) => !round.acts.has(id))
    const stored = await readEach(record, unknown, log)
    for (const [position, id] of unknown.entries()) round.acts.set(id, actFor(stored[position]))
    // Revocations start before anything is enqueued, because the queue may have failed.
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
      log.warn({ grantId: id }, 'the sweeper handled an overdue revocation itself')
    } catch (error) {
      log.error({ grantId: id, err: error }, 'the sweeper could not revoke an overdue grant; it tries again')
    } finally {
      running.delete(id)
    }
  }

  return {
    /** Starts revocations and does not wait for them: one that hangs must not stop the sweep. */
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

/** One round that does what is due in this process, once in ten seconds until it is no longer due. */
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
      log.error({ kind, id, err: error }, 'due work failed; it is tried again')
    }
  }

  return async () => {
    const now = await record.now()
    const occasion = sweepOccasion(now)
    if (tried.occasion !== occasion) tried = { occasion, ids: new Set() }
    const due = await record.due(kind, now - graceMs, MAX_DUE)
    const ids = due.map(({ id }) => id).filter((id) => !tried.ids.has(id))
    await settleAll(ids, actOn, atOnce)
  }
}

/** A grant without an end is still to be activated. Every other one, also an unreadable one, is to be revoked. */
function actFor(stored: Stored | undefined): Act {
  const facts = grantFacts.safeParse(stored?.value)
  return facts.success && facts.data.status === 'activating' && facts.data.endsAt === undefined ? 'activate' : 'revoke'
}

/** Reads the records one by one if they cannot be read together: an unreadable one must not hide the others. */
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
