import { z } from 'zod'

/** Every job there is. Payloads are ids; the id of a job says what it is, so that a repeated add is one job. */
export const JOBS = {
  activate: { queue: 'activate', payload: z.strictObject({ grantId: z.string() }) },
  revoke: { queue: 'revoke', payload: z.strictObject({ grantId: z.string() }) },
} as const

export type Act = keyof typeof JOBS
export type QueueName = (typeof JOBS)[Act]['queue']

/** `at`: not before this Redis time (ms since 1970); absent means now. `occasion`: the record's version, or `s<seconds/10>` from a sweep. */
export interface Job {
  readonly act: Act
  readonly recordId: string
  readonly occasion: string
  readonly at?: number
}

/** BullMQ forbids the colon, and ignores an id that is still stored. */
export function jobId(job: Job): string {
  return `${job.act}-${job.recordId}-${job.occasion}`
}

/** A repair must not reuse an id that may still be stored: one fresh id per ten seconds of Redis time. */
export function sweepOccasion(nowMs: number): string {
  return `s${Math.floor(nowMs / 10_000)}`
}

/** Port: hands jobs to the queue. Adding the same job twice is harmless. */
export interface JobQueue {
  add(jobs: readonly Job[]): Promise<void>
}
