import { DelayedError, isNotConnectionError, type Job as StoredJob, UnrecoverableError, Worker } from 'bullmq'
import type { Logger } from 'pino'
import { type Act, isRepair, JOBS, jobPayload, type QueueName, REPAIR_MS } from '../jobs/catalog.ts'
import { backoffMs, isThrottle } from './backoff.ts'
import { redisTime } from './clock.ts'
import type { Connection } from './connections.ts'
import { QUEUES } from './job-queue.ts'
import { PREFIX } from './keys.ts'

export interface Task {
  readonly act: Act
  readonly recordId: string
}

/** Does one job. `againAt`: run the job once more, not before this Redis time in ms. */
type Handler = (task: Task) => Promise<{ readonly againAt?: number }>

interface WorkerOptions {
  readonly handlers: Readonly<Record<QueueName, Handler>>
  /** How many jobs of one queue run at once. */
  readonly concurrency: number
  readonly log: Logger
  readonly prefix?: string
}

const CLOSE_WITHIN_MS = 20_000

/** The error that BullMQ gets and stores. It contains no details; these go only to the log. */
class Failed extends Error {
  readonly throttled: boolean

  constructor(throttled: boolean) {
    super('failed; the log says why')
    this.throttled = throttled
  }
}

const SETTINGS = {
  lockDuration: 15_000,
  stalledInterval: 5_000,
  // With BullMQ's default of 1, a job that crashed the process twice would fail for good.
  maxStalledCount: Number.MAX_SAFE_INTEGER,
  settings: {
    backoffStrategy: (attempts: number, _type?: string, error?: Error) =>
      backoffMs(attempts, error instanceof Failed && error.throttled, Math.random()),
  },
}

/**
 * @param redis A worker's connection; it may be shared, because each worker opens another one for its blocking reads.
 */
export function startWorkers(redis: Connection, options: WorkerOptions): { close(): Promise<void> } {
  const { handlers, concurrency, log, prefix = PREFIX } = options
  const workers = QUEUES.map((name) => {
    const processor = processorOf(redis, prefix, handlers[name], log)
    const worker = new Worker(name, processor, { ...SETTINGS, connection: redis, prefix, concurrency })
    worker.on('error', (error) => {
      const level = isNotConnectionError(error) ? 'error' : 'debug'
      log[level]({ queue: name, reason: error.message }, 'a worker met an error')
    })
    return worker
  })
  return { close: () => closeAll(workers, log) }
}

function processorOf(redis: Connection, prefix: string, handler: Handler, log: Logger) {
  async function putBack(job: StoredJob, token: string | undefined, waitMs: number): Promise<never> {
    // Computed from this process's clock, by which BullMQ judges delays.
    await job.moveToDelayed(Date.now() + Math.max(0, waitMs), token)
    throw new DelayedError()
  }

  return async (job: StoredJob, token?: string): Promise<void> => {
    const earlyMs = job.opts.delay ? job.timestamp + job.opts.delay - (await redisTime(redis, prefix)) : 0
    if (earlyMs > 0) return putBack(job, token, earlyMs)
    const { againAt } = await perform(job, handler, log.child({ jobId: job.id }))
    if (againAt === undefined || isReplaced(job)) return
    return putBack(job, token, againAt - (await redisTime(redis, prefix)))
  }
}

async function perform(job: StoredJob, handler: Handler, log: Logger): ReturnType<Handler> {
  try {
    return await handler(parseTask(job))
  } catch (error) {
    log.error({ err: error }, 'a job failed')
    if (error instanceof UnrecoverableError) throw error
    if (isReplaced(job)) throw new UnrecoverableError('replaced by a later repair')
    throw new Failed(isThrottle(error))
  }
}

/**
 * Whether a later sweep has already added a newer repair of the same record. Old repairs are dropped, or an outage of
 * an hour would leave hundreds of jobs for each grant.
 */
function isReplaced(job: StoredJob): boolean {
  return isRepair(job.id ?? '') && Date.now() - job.timestamp > REPAIR_MS
}

/** @throws UnrecoverableError for a job that is not in the catalog, so that BullMQ does not repeat it */
function parseTask(job: StoredJob): Task {
  const act = parseAct(job.name)
  const payload = jobPayload.safeParse(job.data)
  if (!act || !payload.success) throw new UnrecoverableError('not a job of the catalogue')
  return { act, recordId: payload.data.recordId }
}

function parseAct(name: string): Act | undefined {
  return Object.hasOwn(JOBS, name) ? (name as Act) : undefined
}

async function closeAll(workers: readonly Worker[], log: Logger): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(resolve, CLOSE_WITHIN_MS, 'late')
  })
  const outcome = await Promise.race([Promise.all(workers.map((worker) => worker.close())), late])
  clearTimeout(timer)
  if (outcome === 'late') log.warn('jobs were still running after 20 seconds; another worker will run them again')
}
