import type { DueKind, RecordKind } from '../store/commit.ts'

/** The hash tag that all keys share. */
export const PREFIX = '{latchkey}'

export interface Keys {
  readonly audit: string
  readonly outbox: string
  readonly epoch: string
  readonly inbox: string
  readonly seen: string
  /** Unexplained CloudTrail records, counted until they become an audit event. */
  readonly unexplained: string
  /** For each bucket, the time of its newest CloudTrail record. */
  readonly proven: string
  record(kind: RecordKind, id: string): string
  due(kind: DueKind): string
  index(kind: string, value: string): string
  lease(id: string): string
  digest(grantId: string): string
  lastWrites(grantId: string): string
  budget(conversation: string): string
  /** Says that one event of the wiring's self-test has arrived. */
  arrival(nonce: string): string
  /** Says for a short time that a commit was done. */
  commit(token: string): string
}

/** All Redis keys. They share one hash tag, because a commit's keys must be in one slot of a cluster. */
export function keysUnder(prefix: string): Keys {
  if (!/^\{[^{}]+\}$/.test(prefix)) throw new Error(`The prefix of Redis keys is one hash tag like ${PREFIX}.`)
  return {
    audit: `${prefix}:audit`,
    outbox: `${prefix}:outbox`,
    epoch: `${prefix}:epoch`,
    inbox: `${prefix}:inbox`,
    seen: `${prefix}:seen`,
    unexplained: `${prefix}:unexplained`,
    proven: `${prefix}:proven`,
    record: (kind, id) => `${prefix}:${kind}:${id}`,
    due: (kind) => `${prefix}:due:${kind}`,
    index: (kind, value) => `${prefix}:index:${kind}:${value}`,
    lease: (id) => `${prefix}:lease:${id}`,
    digest: (grantId) => `${prefix}:digest:${grantId}`,
    lastWrites: (grantId) => `${prefix}:digest:${grantId}:last`,
    budget: (conversation) => `${prefix}:budget:${conversation}`,
    arrival: (nonce) => `${prefix}:arrival:${nonce}`,
    commit: (token) => `${prefix}:commit:${token}`,
  }
}
