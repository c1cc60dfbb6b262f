import { z } from 'zod'
import { type Act, JOBS, type Job } from '../jobs/catalog.ts'
import { parsedJson } from './parsed-json.ts'

/** The characters of a job id. One other character would make BullMQ refuse a whole batch. */
const word = z.string().regex(/^[A-Za-z0-9_-]+$/)

function isAct(value: unknown): boolean {
  return typeof value === 'string' && Object.hasOwn(JOBS, value)
}

/** The stored form of a job in the outbox. */
export const job: z.ZodType<Job> = z.strictObject({
  act: z.custom<Act>(isAct),
  recordId: word,
  occasion: word,
  at: z.number().exactOptional(),
})

export const jobText = z.string().transform(parsedJson).pipe(job)
