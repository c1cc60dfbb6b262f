import type { AuditEvent } from '../audit/events.ts'
import type { Job } from '../jobs/catalog.ts'

export type RecordKind = 'request' | 'grant' | 'deny' | 'copy' | 'notice'

/** The due indexes. An entry is an id and the time at which a worker must act on it. */
export type DueKind =
  /** A grant must be activated or revoked. */
  | 'grants'
  /** A request lapses. */
  | 'requests'
  /** The Deny document of a role must be reconciled. */
  | 'roles'
  /** The messages of a request may show an old state. The id is the request's. */
  | 'copies'
  /** The IAM entity that carried an ended grant's policy must be reconciled. The id is the grant's. */
  | 'targets'
  /** A security notice must be sent. */
  | 'notices'

export interface RecordWrite {
  readonly kind: RecordKind
  readonly id: string
  /** 0: must not exist yet. The stored version becomes `expectedVersion + 1`. */
  readonly expectedVersion: number
  /** Written as JSON. Absent: only the version is checked, and the record is not changed. */
  readonly next?: object
}

/** `at`: ms since 1970 by the clock of Redis; null removes the entry. */
export interface DueChange {
  readonly kind: DueKind
  readonly id: string
  readonly at: number | null
}

/** `at`: the score, in ms since 1970; null removes the entry. */
export interface IndexChange {
  readonly kind: string
  readonly value: string
  readonly id: string
  readonly at: number | null
}

/** A limit on the entries of one index. */
export interface Limit {
  readonly kind: string
  readonly value: string
  /** Only entries scored above this count. Those at or below it are dropped from the index. */
  readonly since: number
  /** The commit is refused when the index already holds this many entries. */
  readonly atMost: number
  /** The error of the refusal: TOO_MANY or QUOTA_FULL. */
  readonly otherwise: Error
}

export interface Commit {
  readonly records: readonly RecordWrite[]
  readonly due?: readonly DueChange[]
  readonly indexes?: readonly IndexChange[]
  readonly limits?: readonly Limit[]
  /**
   * A change and its audit event are one atomic write. Empty only in a commit that writes nothing but messages,
   * security notices or bookkeeping.
   */
  readonly audit: readonly AuditEvent[]
  readonly jobs?: readonly Job[]
  /** The new epoch of the installation. Absent: the epoch stays. */
  readonly epoch?: string
}

/** One commit out of several parts: each list holds those of the parts, in their order. */
export function joinCommits(...parts: readonly Partial<Commit>[]): Required<Omit<Commit, 'epoch'>> & Commit {
  const epochs = parts.flatMap(({ epoch }) => epoch ?? [])
  if (epochs.length > 1) throw new Error('A commit sets one epoch.')
  const [epoch] = epochs
  return {
    records: parts.flatMap(({ records = [] }) => records),
    due: parts.flatMap(({ due = [] }) => due),
    indexes: parts.flatMap(({ indexes = [] }) => indexes),
    limits: parts.flatMap(({ limits = [] }) => limits),
    audit: parts.flatMap(({ audit = [] }) => audit),
    jobs: parts.flatMap(({ jobs = [] }) => jobs),
    ...(epoch === undefined ? {} : { epoch }),
  }
}
