import { type Actor, LATCHKEY } from '../audit/events.ts'
import { messagesDue } from '../messages/message.ts'
import { type Commit, joinCommits } from '../store/commit.ts'
import { REVOKING } from '../store/indexes.ts'
import type { RecordPort } from '../store/record-store.ts'
import { denyListKey } from './deny-capacity.ts'
import type { CheckedGrant } from './genuine-grant.ts'
import { type Grant, moveGrant } from './grant.ts'

export interface EndReason {
  readonly cause: string
  readonly actor: Actor
  /** Why the grant ends, as a sentence for the audit. Absent where the cause says enough. */
  readonly detail?: string
  /** Further audit events of the same commit. */
  readonly alarms?: Commit['audit']
}

/**
 * Starts the early end of a grant with a commit to `revoking`. This is the only way to end a grant early.
 * `workers/revoke-grant.ts` then revokes it in AWS.
 */
export async function beginRevoke(record: RecordPort, stored: CheckedGrant, reason: EndReason): Promise<Grant> {
  const { grant, version } = stored
  const nowMs = await record.now()
  const by = reason.actor.kind === 'person' ? reason.actor.objectId : LATCHKEY.kind
  const next = moveGrant(grant, 'revoking', { end: { cause: reason.cause, by, at: new Date(nowMs).toISOString() } })
  const asked = {
    kind: 'grant.end-asked',
    actor: reason.actor,
    requestId: grant.terms.requestId,
    grantId: grant.id,
    cause: reason.cause,
    detail: reason.detail ?? '',
  } as const
  const ending: Commit = {
    records: [{ kind: 'grant', id: grant.id, expectedVersion: version, next }],
    due: [{ kind: 'grants', id: grant.id, at: nowMs }],
    indexes: [{ kind: REVOKING, value: denyListKey(grant.terms.principal), id: grant.id, at: nowMs }],
    audit: [...(reason.alarms ?? []), asked],
    jobs: [{ act: 'revoke', recordId: grant.id, occasion: String(version + 1) }],
  }
  await record.commit(joinCommits(ending, messagesDue(grant.terms.requestId, nowMs, `g${version + 1}`)))
  return next
}
