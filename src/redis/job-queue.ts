import { Queue } from 'bullmq'
import type { Logger } from 'pino'
import { isRepair, JOBS, type Job, type JobQueue, jobId, jobPayload, type QueueName } from '../jobs/catalog.ts'
import { answered } from './answers.ts'
import { redisTime } from './clock.ts'
import type { Connection } from './connections.ts'
import { PREFIX } from './keys.ts'

const KEEP_FAILED_SECONDS = 30 * 86_400

/** `revoke` first: it is the one that must not wait. */
export const QUEUES: readonly QueueName[] = ['revoke', 'activate', 'cards']

interface QueueOptions {
  readonly prefix?: string
  readonly log: Logger
}

/** Takes a worker's connection, which may be shared. An add waits for as long as an outage lasts. */
export function bullQueue(
  redis: Connection,
  { prefix = PREFIX, log }: QueueOptions,
): JobQueue & { close(): Promise<void> } {
  const queues = new Map(QUEUES.map((name) => [name, openQueue(name, redis, prefix, log)]))

  async function add(jobs: readonly Job[]): Promise<void> {
    // Redis's time, not this process's: the due moment does not move with our clock. What is not due at a moment has none.
    const now = jobs.some(({ at }) => at !== undefined) ? await redisTime(redis, prefix) : Date.now()
    const addTo = async ([name, queue]: readonly [QueueName, Queue]) => {
      const mine = jobs.filter((job) => JOBS[job.act].queue === name)
      if (mine.length > 0) await queue.addBulk(mine.map((job) => describe(job, now)))
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

/** AWS ends it by itself: with BullMQ, whatever has a priority comes after all that has none, so an early end never waits behind a crowd of these. */
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
      // The id is free again at once; what ran is told by the record.
      removeOnComplete: true,
      removeOnFail: isRepair(id) ? true : { age: KEEP_FAILED_SECONDS },
      // Errors go to the log, which is redacted; Redis keeps none.
      stackTraceLimit: 0,
    },
  }
}
