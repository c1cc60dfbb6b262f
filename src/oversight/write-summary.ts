import type { WriteKind } from './s3-write.ts'

/** What was written with one grant, as far as CloudTrail told: it proves that something happened, never that nothing did. */
export interface WriteSummary {
  readonly counts: Readonly<Record<WriteKind, number>>
  readonly bytes: number
  /** ISO 8601 UTC, by the records' own time. */
  readonly firstAt: string | null
  readonly lastAt: string | null
  /** The latest, each key once for each kind of write, the newest first. */
  readonly last: readonly LastWrite[]
}

export interface LastWrite {
  readonly kind: WriteKind
  /** As CloudTrail calls it. */
  readonly name: string
  /** `s3://bucket/key` */
  readonly uri: string
  readonly at: string
}

export const MOST_LAST_WRITES = 20

/** Port: the digests of some grants, in the order asked. A grant with none has an empty one. */
export interface WriteSummaries {
  readMany(grantIds: readonly string[]): Promise<readonly WriteSummary[]>
}
