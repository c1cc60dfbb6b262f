import { LatchkeyError } from '../errors.ts'
import type { Commit, DueKind, RecordKind } from './commit.ts'

/** Port: the record of everything that was asked, decided and granted. One write, all or nothing; TypeScript decides, the commit only writes. */

export interface Stored {
  /** 0: somebody else wrote the version. Nothing of such a record is ours, so the value is withheld; a commit that expects 0 replaces it. */
  readonly version: number
  /** As it came out of the store: parse it. */
  readonly value: unknown
}

/** What is left of a store that is nearly full is for reviews and revocation. */
export async function refuseWithoutRoom(record: Pick<RecordPort, 'hasRoom'>): Promise<void> {
  if (await record.hasRoom()) return
  throw new LatchkeyError('UNAVAILABLE', { what: 'the record', retryAfterSeconds: 60 })
}

/** Held until `release`, renewed meanwhile for eight times its length at most; it lapses when its process dies or hangs. Releasing a lease that was lost does nothing. */
export interface Lease {
  release(): Promise<void>
}

export interface ListOptions {
  readonly from?: number
  readonly to?: number
  readonly limit: number
  readonly newestFirst?: boolean
}

/** Every method throws UNAVAILABLE when the store does not answer. */
export interface RecordPort {
  /** Throws CONFLICT (without outcome) when a version moved, the limit's own error when a limit is reached. Writes nothing then. */
  commit(change: Commit): Promise<void>
  read(kind: RecordKind, id: string): Promise<Stored | undefined>
  readMany(kind: RecordKind, ids: readonly string[]): Promise<readonly (Stored | undefined)[]>
  /** Ids of one index by score. */
  list(kind: string, value: string, options: ListOptions): Promise<readonly string[]>
  /** All of one index with their scores: for small ones. */
  scores(kind: string, value: string): Promise<ReadonlyMap<string, number>>
  /** Ids due at or before `until`, the longest overdue first. */
  due(kind: DueKind, until: number, limit: number): Promise<readonly { readonly id: string; readonly at: number }[]>
  /** The store's own clock, ms since 1970: due times and ends are judged by it alone. */
  now(): Promise<number>
  /** Undefined: somebody else holds it. */
  lease(id: string, milliseconds: number): Promise<Lease | undefined>
  /** The installation's random epoch; made on the first call of an empty store. */
  epoch(): Promise<string>
  /** Above 70 % of its memory the store takes no new asks; what is left is for reviews and revocation. */
  hasRoom(): Promise<boolean>
}
