import type { CloudTrailRecord } from './cloudtrail-record.ts'
import type { Unexplained } from './match-grant.ts'
import type { S3Write } from './s3-write.ts'

/** Port: the queue of accepted CloudTrail records, which wait to be folded into write summaries. */
export interface Inbox {
  /**
   * Resolves once the record is stored durably.
   * @throws UNAVAILABLE
   */
  append(record: CloudTrailRecord): Promise<void>
}

export interface InboxEntry {
  readonly entryId: string
  readonly records: readonly CloudTrailRecord[]
}

/**
 * A record with the grant that explains it, or with the reason why none does.
 * `write` is undefined for a read: a grant explains it, but nothing was written.
 */
export type Explained = { readonly record: CloudTrailRecord; readonly rememberUntilMs: number } & (
  | { readonly grantId: string; readonly requestId: string; readonly write: S3Write | undefined }
  | { readonly unexplained: Unexplained }
)

export interface FoldEntry {
  readonly entryId: string
  readonly explained: readonly Explained[]
}

/** Port: the worker's side of the inbox. `read` gives an entry again until it was folded. */
export interface Fold {
  read(count: number): Promise<readonly InboxEntry[]>
  /**
   * Counts each record once, even when it was delivered twice, and removes the entries, all in one write.
   * An empty list only reports the unexplained records that are due.
   */
  fold(entries: readonly FoldEntry[]): Promise<void>
}
