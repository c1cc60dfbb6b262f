import { z } from 'zod'
import { WRITE_KINDS } from './s3-write.ts'

const kind = z.enum(WRITE_KINDS)
const time = z.iso.datetime()

const lastWrite = z.strictObject({
  kind,
  /** CloudTrail's name for the call. */
  name: z.string(),
  /** `s3://bucket/key` */
  uri: z.string(),
  at: time,
})

/** What was written with one grant, as far as CloudTrail told: it proves that something happened, never that nothing did. */
export const writeSummarySchema = z
  .strictObject({
    counts: z.record(kind, z.int()),
    bytes: z.int(),
    /** The first write, by the time in its CloudTrail record. */
    firstAt: time.nullable(),
    lastAt: time.nullable(),
    /** The latest, each key once for each kind of write, the newest first. */
    last: z.array(lastWrite).readonly(),
  })
  .meta({
    description:
      'What CloudTrail told so far, usually minutes late: it proves that something happened, never that nothing did',
  })

export type WriteSummary = Readonly<z.infer<typeof writeSummarySchema>>
export type LastWrite = Readonly<z.infer<typeof lastWrite>>

export const MOST_LAST_WRITES = 20

/** Port: the stored write summaries. */
export interface WriteSummaries {
  /** One summary for each id, in the order of the ids. A grant without writes has an empty summary. */
  readMany(grantIds: readonly string[]): Promise<readonly WriteSummary[]>
}
