import { LatchkeyError } from '../errors.ts'
import type { Commit, DueKind, RecordKind } from './commit.ts'

/**
 * Port: the record of everything that was asked, decided and granted. A commit is one atomic write.
 * TypeScript decides what to write; the script in Redis only compares versions and writes.
 */

export interface Stored {
  /**
   * 0: the stored version is a text that Latchkey never writes, so the record is not Latchkey's and `value` is
   * undefined. A commit with `expectedVersion: 0` replaces it.
   */
  readonly version: number
  /** Not validated: parse it. */
  readonly value: unknown
}

/**
 * The rest of a store that is nearly full is reserved for reviews and revocation.
 * @throws UNAVAILABLE when the store has no room for anything else
 */
export async function refuseWithoutRoom(record: Pick<RecordPort, 'hasRoom'>): Promise<void> {
  if (await record.hasRoom()) return
  throw new LatchkeyError('UNAVAILABLE', { what: 'the record', retryAfterSeconds: 60 })
}

/**
 * Held until `release`. It is renewed until then, for at most eight times its length. It lapses when its process dies
 * or hangs.
 */
export interface Lease {
  /** Does nothing when the lease has lapsed. */
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
  /**
   * Writes everything or nothing.
   * @throws CONFLICT without `facts.outcome` (see `isLostRace`) when a version differs from the expected one, or the error
   * of a `Limit` that is reached
   */
  commit(change: Commit): Promise<void>
  read(kind: RecordKind, id: string): Promise<Stored | undefined>
  readMany(kind: RecordKind, ids: readonly string[]): Promise<readonly (Stored | undefined)[]>
  /** Ids of one index, ordered by score. */
  list(kind: string, value: string, options: ListOptions): Promise<readonly string[]>
  /** All entries of one index with their scores. Only for small indexes. */
  scores(kind: string, value: string): Promise<ReadonlyMap<string, number>>
  /** Ids due at or before `until`, the longest overdue first. */
  due(kind: DueKind, until: number, limit: number): Promise<readonly { readonly id: string; readonly at: number }[]>
  /**
   * The store's clock, in ms since 1970. Due times are compared with it. Workers end a grant on time only when their
   * own clock agrees, see `hasEnded`.
   */
  now(): Promise<number>
  /** Undefined: another process holds it. */
  lease(id: string, milliseconds: number): Promise<Lease | undefined>
  /** The random epoch of the installation. The first call on an empty store makes it. */
  epoch(): Promise<string>
  /** False above 70 % of the store's memory: the rest is reserved for reviews and revocation. */
  hasRoom(): Promise<boolean>
}
