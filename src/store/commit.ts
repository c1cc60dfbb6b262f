import type { AuditEvent } from '../audit/events.ts'
import type { Job } from '../jobs/catalog.ts'

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
