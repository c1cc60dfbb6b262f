import { z } from 'zod'

/** All kinds of jobs and their queues. The id is derived from the job, so adding it twice makes one job. */
export const JOBS = {
  activate: { queue: 'activate' },
  revoke: { queue: 'revoke' },
  /** Edits every message of one request to show its current state. */
  sync: { queue: 'cards' },
} as const

/** The data that BullMQ stores for every job: only an id. */
export const jobPayload = z.strictObject({ recordId: z.string() })

export type Act = keyof typeof JOBS
export type QueueName = (typeof JOBS)[Act]['queue']

export interface Job {
  readonly act: Act
  readonly recordId: string
  /** The record's version, or `s<seconds/10>` from a sweep. */
  readonly occasion: string
  /** Redis time in ms since 1970, before which the job does not run. Absent: now. */
  readonly at?: number
}

/** Joined by hyphens, because BullMQ forbids colons. BullMQ ignores an added job whose id is still stored. */
export function jobId(job: Job): string {
  return `${job.act}-${job.recordId}-${job.occasion}`
}

/**
 * Sweeps within this time use one id for a repair. Later sweeps use a new one, because BullMQ may still store the old
 * id.
 */
export const REPAIR_MS = 10_000

export function sweepOccasion(nowMs: number): string {
  return `s${Math.floor(nowMs / REPAIR_MS)}`
}

/** Whether a sweep added the job. */
export function isRepair(id: string): boolean {
  return /-s\d+$/.test(id)
}

/** Port: hands jobs to the queue. Adding the same job twice is harmless. */
export interface JobQueue {
  add(jobs: readonly Job[]): Promise<void>
}
