import { LATCHKEY } from '../audit/events.ts'
import { messagesDue } from '../messages/message.ts'
import { type Commit, type DueChange, type IndexChange, joinCommits, type Limit } from '../store/commit.ts'
import { HELD_BY, LIVE, ON_TARGET, REVOKING, TARGETS } from '../store/indexes.ts'
import type { RecordPort } from '../store/record-store.ts'
import { denyListKey, freeDenySlot } from './deny-capacity.ts'
import { type Grant, moveGrant, type StoredGrant } from './grant.ts'
import { entityId, entityOf } from './iam-entity.ts'

/**
 * The delays after an early end at which its IAM entity is reconciled again. A PutRolePolicy whose response was lost
 * may take effect late.
 */
export const LOOK_AGAIN_MS = [10_000, 60_000] as const

export const DAY_MS = 24 * 3_600_000

/** How long ended grants stay in the indexes: CloudTrail records come up to a day late, and clocks may differ. */
export const KEPT_FOR_MS = DAY_MS + 5 * 60_000

type Changes = Required<Pick<Parameters<RecordPort['commit']>[0], 'indexes' | 'limits'>>

/**
 * Part of the commit that fixes the end, before AWS is asked to allow anything. So every policy that may be attached to
 * an IAM entity can be found in the index of that entity.
 */
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

/** Drops entries older than a day with this commit. The limit itself is never reached. */
function forgetOld(index: Pick<Limit, 'kind' | 'value'>, nowMs: number): Limit {
  const otherwise = new Error('More grants of the driver attach within a day than there can be.')
  return { ...index, since: nowMs - KEPT_FOR_MS, atMost: 1_000_000, otherwise }
}

function removeFromEntityIndexes({ id, terms }: Grant): readonly IndexChange[] {
  const { principal } = terms
  if (principal.driver === 'session') return []
  return [{ kind: ON_TARGET, value: entityId(entityOf(principal)), id, at: null }]
}

/**
 * A policy that expired is removed at once. After a revocation the entity is checked again after a delay, because a
 * PutRolePolicy may take effect late.
 */
function dueEntity({ id, terms }: Grant, outcome: 'expired' | 'revoked', nowMs: number): readonly DueChange[] {
  if (terms.principal.driver === 'session') return []
  return [{ kind: 'targets', id, at: outcome === 'expired' ? nowMs : nowMs + LOOK_AGAIN_MS[0] }]
}

/**
 * Writes the end of a grant that AWS no longer allows.
 * @param outcome `expired`: ended on time. `revoked`: ended early, verified in AWS.
 */
export async function finishGrant(
  record: RecordPort,
  stored: StoredGrant,
  outcome: 'expired' | 'revoked',
): Promise<void> {
  await record.commit(endingOf(stored, outcome, await record.now()))
}

/** Marks many grants as expired whose planned end has passed, in one commit. */
export async function expireGrants(record: RecordPort, all: readonly StoredGrant[], nowMs: number): Promise<void> {
  await record.commit(joinCommits(...all.map((stored) => endingOf(stored, 'expired', nowMs))))
}

function endingOf({ grant, version }: StoredGrant, outcome: 'expired' | 'revoked', nowMs: number): Commit {
  const endedAt = new Date(nowMs).toISOString()
  // A grant that expires passes through `revoking` within this one commit: the end of a session needs no AWS call.
  const ending = grant.status === 'revoking' ? grant : moveGrant(grant, 'revoking')
  const facts = { actor: LATCHKEY, requestId: grant.terms.requestId, grantId: grant.id }
  const end: Commit = {
    records: [{ kind: 'grant', id: grant.id, expectedVersion: version, next: moveGrant(ending, outcome, { endedAt }) }],
    due: [{ kind: 'grants', id: grant.id, at: null }, ...dueEntity(grant, outcome, nowMs)],
    indexes: [
      { ...LIVE, id: grant.id, at: null },
      ...removeFromEntityIndexes(grant),
      { kind: REVOKING, value: denyListKey(grant.terms.principal), id: grant.id, at: null },
      // A grant that expired needs no id in the Deny document.
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
