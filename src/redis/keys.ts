import type { DueKind, RecordKind } from '../store/commit.ts'

export const PREFIX = '{latchkey}'

export interface Keys {
  readonly audit: string
  readonly outbox: string
  readonly epoch: string
  readonly inbox: string
  readonly seen: string
  /** Gathered until it is told to the audit. */
  readonly unexplained: string
  /** When each bucket's newest CloudTrail record came. */
  readonly proven: string
  record(kind: RecordKind, id: string): string
  due(kind: DueKind): string
  index(kind: string, value: string): string
  lease(id: string): string
  digest(grantId: string): string
  lastWrites(grantId: string): string
  budget(conversation: string): string
  /** Of one event of the wiring's self-test. */
  arrival(nonce: string): string
  /** Remembers for a short time that a commit was done. */
  commit(token: string): string
}

/** One hash tag: a commit's keys must lie in one slot of a cluster. */
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
