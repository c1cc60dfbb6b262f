import { Queue } from 'bullmq'
import type { Logger } from 'pino'
import { isRepair, JOBS, type Job, type JobQueue, jobId, jobPayload, type QueueName } from '../jobs/catalog.ts'
import { redisTime } from './clock.ts'
import type { Connection } from './connections.ts'
import { PREFIX } from './keys.ts'
import { answered } from './redis-errors.ts'

const KEEP_FAILED_SECONDS = 30 * 86_400

/** `revoke` is the first, because revocations must not wait. */
export const QUEUES: readonly QueueName[] = ['revoke', 'activate', 'cards']

interface QueueOptions {
  readonly prefix?: string
  readonly log: Logger
}

/**
 * The job queue in BullMQ. `add` waits until Redis is back after an outage.
 * @param redis A worker's connection; it may be shared.
 */
export function bullQueue(
  redis: Connection,
  { prefix = PREFIX, log }: QueueOptions,
): JobQueue & { close(): Promise<void> } {
  const queues = new Map(QUEUES.map((name) => [name, openQueue(name, redis, prefix, log)]))

  async function add(jobs: readonly Job[]): Promise<void> {
    // A due time is compared with Redis's clock, so that a wrong local clock does not shift it. Other jobs need no
    // clock.
    const now = jobs.some(({ at }) => at !== undefined) ? await redisTime(redis, prefix) : Date.now()
    const addTo = async ([name, queue]: readonly [QueueName, Queue]) => {
      const own = jobs.filter((job) => JOBS[job.act].queue === name)
      if (own.length > 0) await queue.addBulk(own.map((job) => describe(job, now)))
    }
    await Promise.all([...queues].map(addTo))
  }

  return {
    add: (jobs) => answered(jobs.length > 0 ? add(jobs) : Promise.resolve()),
    async close() {
      await Promise.all([...queues.values()].map((queue) => queue.close()))
    },
  }
}

function openQueue(name: QueueName, connection: Connection, prefix: string, log: Logger): Queue {
  const queue = new Queue(name, { connection, prefix })
  queue.on('error', (error) => log.debug({ queue: name, reason: error.message }, 'a queue met an error'))
  return queue
}

/**
 * A revoke job for an end on time, which AWS enforces by itself. It gets a priority, because BullMQ runs jobs with a
 * priority after all jobs without one. So an early end never waits behind such jobs.
 */
function isEndOnTime({ act, at }: Job): boolean {
  return act === 'revoke' && at !== undefined
}

function describe(job: Job, now: number) {
  const id = jobId(job)
  return {
    name: job.act,
    data: jobPayload.parse({ recordId: job.recordId }),
    opts: {
      jobId: id,
      timestamp: now,
      delay: Math.max(0, (job.at ?? now) - now),
      ...(isEndOnTime(job) ? { priority: 1 } : {}),
      attempts: Number.MAX_SAFE_INTEGER,
      backoff: { type: 'custom' },
      // BullMQ ignores a new job whose id is still stored, so finished jobs are removed. The record says what was done.
      removeOnComplete: true,
      removeOnFail: isRepair(id) ? true : { age: KEEP_FAILED_SECONDS },
      // Errors go only to the log, which removes secrets.
      stackTraceLimit: 0,
    },
  }
}
