import { z } from 'zod'

/** Every job there is. The id of a job says what it is, so that a repeated add is one job. */
export const JOBS = {
  activate: { queue: 'activate' },
  revoke: { queue: 'revoke' },
  /** Brings every copy of one request to the present state. */
  sync: { queue: 'cards' },
} as const

/** What lies in Redis of a job, whatever it is: an id. */
export const jobPayload = z.strictObject({ recordId: z.string() })

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

/** For so long a repair is named under one id. It must not reuse an id that may still be stored, so the next one is fresh. */
export const REPAIR_MS = 10_000

export function sweepOccasion(nowMs: number): string {
  return `s${Math.floor(nowMs / REPAIR_MS)}`
}

export function isRepair(id: string): boolean {
  return /-s\d+$/.test(id)
}

/** Port: hands jobs to the queue. Adding the same job twice is harmless. */
export interface JobQueue {
  add(jobs: readonly Job[]): Promise<void>
}
