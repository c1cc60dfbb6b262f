import { createHash, randomBytes } from 'node:crypto'
import type { AuditEvent } from '../audit/events.ts'
import { isLatchkeyError, LatchkeyError } from '../errors.ts'
import type { Job } from '../jobs/catalog.ts'

/** Port: the record of everything that was asked, decided and granted. One write, all or nothing; TypeScript decides, the commit only writes. */

/** Crockford base32, lower case: no i, l, o, u, so an id can be read out and typed. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'

/** @example newId('g') // "g-7m2k9x0qv4tz": also valid as an STS role session name and as a BullMQ job id */
export function newId(prefix: 'r' | 'g' | 'c'): string {
  return `${prefix}-${lettersOf(randomBytes(12))}`
}

/** The same id for the same facts: whoever comes second finds what the first has written. */
export function idOf(prefix: 'n', facts: string): string {
  return `${prefix}-${lettersOf(createHash('sha256').update(facts).digest().subarray(0, 12))}`
}

function lettersOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => ALPHABET[byte % 32]).join('')
}

export const RECORD_ID = /^[rgc]-[0-9a-hjkmnp-tv-z]{12}$/

export type RecordKind = 'request' | 'grant' | 'deny' | 'copy' | 'notice'
/** `roles`: when somebody must look at a role's Deny document again. `copies`, by the id of their request: when they may show what is no longer so. `targets`, by the id of a grant that is over: when what it lay on must be looked at. `notices`: when the security channel must be told. */
export type DueKind = 'grants' | 'requests' | 'roles' | 'copies' | 'targets' | 'notices'

export interface RecordWrite {
  readonly kind: RecordKind
  readonly id: string
  /** 0: must not exist yet. The stored version becomes `expectedVersion + 1`. */
  readonly expectedVersion: number
  /** Written as JSON. Absent: the record only has to be at that version still, and stays as it is. */
  readonly next?: object
}

/** Indexes of this kind only say when something was last looked at: no change of it, and of no use to anybody who forges it but to be looked at less. */
export const BOOKKEEPING = 'reconciled'

/** `at`: ms since 1970 by Redis time; null takes the entry out. */
export interface DueChange {
  readonly kind: DueKind
  readonly id: string
  readonly at: number | null
}

export interface IndexChange {
  readonly kind: string
  readonly value: string
  readonly id: string
  readonly at: number | null
}

/** The commit is refused with TOO_MANY or QUOTA_FULL (`otherwise`) when the index already holds `atMost` entries scored above `since`; those at or below it are dropped. */
export interface Limit {
  readonly kind: string
  readonly value: string
  readonly since: number
  readonly atMost: number
  readonly otherwise: Error
}

export interface Commit {
  readonly records: readonly RecordWrite[]
  readonly due?: readonly DueChange[]
  readonly indexes?: readonly IndexChange[]
  readonly limits?: readonly Limit[]
  /** Every change and its audit event are one write. Empty only where nothing but copies and notices (how something is shown) or bookkeeping is written. */
  readonly audit: readonly AuditEvent[]
  readonly jobs?: readonly Job[]
  /** The installation's epoch from now on. */
  readonly epoch?: string
}

export interface Stored {
  /** 0: somebody else wrote the version. Nothing of such a record is ours, so the value is withheld; a commit that expects 0 replaces it. */
  readonly version: number
  /** As it came out of the store: parse it. */
  readonly value: unknown
}

const MOST_TRIES = 10

/**
 * Reads and decides again while the record moves between read and write. Somebody who keeps it moving keeps nobody busy for ever:
 * after some tries the CONFLICT is told.
 */
export async function againOnConflict<T>(once: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await once()
    } catch (error) {
      if (!isLostRace(error) || tries === MOST_TRIES) throw error
    }
  }
}

/** A commit found that a record had moved. */
export function isLostRace(error: unknown): boolean {
  return isLatchkeyError(error, 'CONFLICT') && error.facts.outcome === undefined
}

/** What is left of a store that is nearly full is for reviews and revocation. */
export async function refuseWithoutRoom(record: Pick<RecordPort, 'hasRoom'>): Promise<void> {
  if (await record.hasRoom()) return
  throw new LatchkeyError('UNAVAILABLE', { what: 'the record', retryAfterSeconds: 60 })
}

/** Part of each commit that changes what people are shown: the copies of that request are due, and a job says so. `occasion` names the change. */
export function showAgain(requestId: string, nowMs: number, occasion: string): Required<Pick<Commit, 'due' | 'jobs'>> {
  return {
    due: [{ kind: 'copies', id: requestId, at: nowMs }],
    jobs: [{ act: 'sync', recordId: requestId, occasion }],
  }
}

/** Held until `release`, renewed meanwhile for eight times its length at most; it lapses when its process dies or hangs. Releasing a lease that was lost does nothing. */
export interface Lease {
  release(): Promise<void>
}

export interface OutboxEntry {
  readonly entryId: string
  readonly job: Job
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

/** Port: jobs that commits have named and no queue has yet. Entries come again until they are acknowledged. */
export interface Outbox {
  read(count: number): Promise<readonly OutboxEntry[]>
  acknowledge(entryIds: readonly string[]): Promise<void>
}
