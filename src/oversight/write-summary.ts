import type { WriteKind } from './s3-write.ts'

/**
 * What one grant wrote, counted from CloudTrail records. It proves that something was written, never that nothing was.
 */
export interface WriteSummary {
  readonly counts: Readonly<Record<WriteKind, number>>
  readonly bytes: number
  /** ISO 8601 UTC, the records' own times. */
  readonly firstAt: string | null
  readonly lastAt: string | null
  /** The latest writes, the newest first. A key is listed once for each kind of write. */
  readonly last: readonly LastWrite[]
}

export interface LastWrite {
  readonly kind: WriteKind
  /** The event name of CloudTrail. */
  readonly name: string
  /** `s3://bucket/key` */
  readonly uri: string
  readonly at: string
}

export const MOST_LAST_WRITES = 20

/** Port: the stored write summaries. */
export interface WriteSummaries {
  /** One summary for each id, in the order of the ids. A grant without writes has an empty summary. */
  readMany(grantIds: readonly string[]): Promise<readonly WriteSummary[]>
}
