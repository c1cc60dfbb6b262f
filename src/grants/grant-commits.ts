import { LATCHKEY } from '../audit/events.ts'
import { messagesDue } from '../messages/message.ts'
import { type Commit, type DueChange, type IndexChange, joinCommits, type Limit } from '../store/commit.ts'
import { HELD_BY, LIVE, ON_TARGET, REVOKING, TARGETS } from '../store/indexes.ts'
import type { RecordPort } from '../store/record-store.ts'
import { denyListKey, freeDenySlot } from './deny-capacity.ts'
import { type Grant, moveGrant, type StoredGrant } from './grant.ts'
import { entityId, entityOf } from './iam-entity.ts'

/** A put whose answer was lost may land late, so a target is looked at again that long after an early end. */
export const LOOK_AGAIN_MS = [10_000, 60_000] as const

export const DAY_MS = 24 * 3_600_000

/** Clocks may be apart, and the record of a call comes up to a day late. */
export const KEPT_FOR_MS = DAY_MS + 5 * 60_000

type Changes = Required<Pick<Parameters<RecordPort['commit']>[0], 'indexes' | 'limits'>>

/** Part of the commit that fixes the end, before AWS is asked to allow anything: whatever may lie on a target can be found there. */
export function addToEntityIndexes({ id, terms }: Grant, endsAtMs: number, nowMs: number): Changes {
  const { principal } = terms
  if (principal.driver === 'session') return { indexes: [], limits: [] }
  const target = entityId(entityOf(principal))
  return {
    indexes: [
      { kind: ON_TARGET, value: target, id, at: nowMs },
      { ...TARGETS, id: `${target}/${id}`, at: endsAtMs },
      { kind: HELD_BY, value: principal.userid, id, at: endsAtMs },
    ],
    limits: [forgetOld(TARGETS, nowMs), forgetOld({ kind: HELD_BY, value: principal.userid }, nowMs)],
  }
}

/** What is a day old leaves with the next write; there is no such number of grants to refuse. */
function forgetOld(index: Pick<Limit, 'kind' | 'value'>, nowMs: number): Limit {
  const otherwise = new Error('More grants of the driver attach within a day than there can be.')
  return { ...index, since: nowMs - KEPT_FOR_MS, atMost: 1_000_000, otherwise }
}

function removeFromEntityIndexes({ id, terms }: Grant): readonly IndexChange[] {
  const { principal } = terms
  if (principal.driver === 'session') return []
  return [{ kind: ON_TARGET, value: entityId(entityOf(principal)), id, at: null }]
}

/** On time the end was in the policy itself, which only has to be tidied away. Early, it is looked at again: a put may land late. */
function dueEntity({ id, terms }: Grant, outcome: 'expired' | 'revoked', nowMs: number): readonly DueChange[] {
  if (terms.principal.driver === 'session') return []
  return [{ kind: 'targets', id, at: outcome === 'expired' ? nowMs : nowMs + LOOK_AGAIN_MS[0] }]
}

/** The end as it is written once nothing can be used any more. `expired`: on time. `revoked`: early, and AWS was read back. */
export async function finishGrant(
  record: RecordPort,
  stored: StoredGrant,
  outcome: 'expired' | 'revoked',
): Promise<void> {
  await record.commit(endingOf(stored, outcome, await record.now()))
}

/** Many that ended on time, all or none of them. */
export async function expireGrants(record: RecordPort, all: readonly StoredGrant[], nowMs: number): Promise<void> {
  await record.commit(joinCommits(...all.map((stored) => endingOf(stored, 'expired', nowMs))))
}

function endingOf({ grant, version }: StoredGrant, outcome: 'expired' | 'revoked', nowMs: number): Commit {
  const endedAt = new Date(nowMs).toISOString()
  // On time the grant passes through `revoking` within this one write: a session's end costs no AWS call.
  const ending = grant.status === 'revoking' ? grant : moveGrant(grant, 'revoking')
  const facts = { actor: LATCHKEY, requestId: grant.terms.requestId, grantId: grant.id }
  const end: Commit = {
    records: [{ kind: 'grant', id: grant.id, expectedVersion: version, next: moveGrant(ending, outcome, { endedAt }) }],
    due: [{ kind: 'grants', id: grant.id, at: null }, ...dueEntity(grant, outcome, nowMs)],
    indexes: [
      { ...LIVE, id: grant.id, at: null },
      ...removeFromEntityIndexes(grant),
      { kind: REVOKING, value: denyListKey(grant.terms.principal), id: grant.id, at: null },
      // On time nothing needs to be denied any more.
      ...(outcome === 'expired' ? freeDenySlot(grant.terms.principal, grant.id) : []),
    ],
    audit: [
      outcome === 'expired'
        ? { kind: 'grant.expired', ...facts, endsAt: grant.endsAt ?? endedAt }
        : { kind: 'grant.revoked', ...facts, cause: grant.end?.cause ?? 'unknown' },
    ],
  }
  return joinCommits(end, messagesDue(grant.terms.requestId, nowMs, `g${version + 1}`))
}
