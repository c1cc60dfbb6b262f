import type { CloudTrailRecord } from './cloudtrail-record.ts'
import type { Unexplained } from './match-grant.ts'
import type { S3Write } from './s3-write.ts'

/** Port: where records wait that were accepted. Resolves once they are stored for good; throws UNAVAILABLE. */
export interface Inbox {
  append(record: CloudTrailRecord): Promise<void>
}

export interface InboxEntry {
  readonly entryId: string
  readonly records: readonly CloudTrailRecord[]
}

/** A record and what it is. `write` is undefined for a read: it is attributed, and nothing was written. */
export type Explained = { readonly record: CloudTrailRecord; readonly rememberUntilMs: number } & (
  | { readonly grantId: string; readonly requestId: string; readonly write: S3Write | undefined }
  | { readonly unexplained: Unexplained }
)

export interface FoldEntry {
  readonly entryId: string
  readonly explained: readonly Explained[]
}

/** Port: the worker's side of the inbox. Entries come again until they are folded. */
export interface Fold {
  read(count: number): Promise<readonly InboxEntry[]>
  /** Counts each record once, whatever comes twice, and takes the entries out; all in one write. Without entries it reports what is due. */
  fold(entries: readonly FoldEntry[]): Promise<void>
}
