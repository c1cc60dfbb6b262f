import { type Actor, byPerson, LATCHKEY } from '../audit/events.ts'
import { LatchkeyError } from '../errors.ts'
import type { Caller } from '../rules/caller.ts'
import { recordRefusal } from '../store/audit-refusal.ts'
import { againOnConflict, type Commit, type DueChange, type RecordPort, showAgain } from '../store/record-store.ts'
import { LOOK_AGAIN_MS, leaveTarget } from './attach/find-on-entity.ts'
import { companyOf, leavePlace } from './deny-capacity.ts'
import { type Grant, isOver, isPartyTo, moveGrant, readGrant, type StoredGrant } from './grant.ts'

export const OWNER_ROLE = 'Latchkey.Owner'

/** Rows of the index that finds every grant that is not over yet. */
export const LIVE = { kind: 'live', value: 'grants' } as const

/** A person ends a grant early: the requester ("done"), its approver, or an owner. Ending what is already ending changes nothing. */
export async function endGrant(
  { record }: { readonly record: RecordPort },
  caller: Caller,
  grantId: string,
): Promise<Grant> {
  return againOnConflict(async () => {
    const stored = await readGrant(record, grantId)
    if (!stored) throw new LatchkeyError('NOT_FOUND', { thing: 'grant' })
    const { grant } = stored
    const refusal = findRefusal(grant, caller)
    if (refusal) {
      await writeRefusal(record, caller, grant, refusal)
      throw refusal
    }
    if (grant.status === 'revoking') return grant
    return await beginRevoke(record, stored, { cause: causeOf(grant, caller), actor: byPerson(caller.objectId) })
  })
}

function findRefusal(grant: Grant, caller: Caller): LatchkeyError | undefined {
  if (!mayEnd(grant, caller)) return new LatchkeyError('NOT_FOUND', { thing: 'grant' })
  if (!isOver(grant)) return undefined
  return new LatchkeyError('OVER', { thing: 'grant', at: grant.endedAt ?? grant.terms.decidedAt })
}

async function writeRefusal(record: RecordPort, caller: Caller, grant: Grant, error: LatchkeyError): Promise<void> {
  const facts = { actor: byPerson(caller.objectId), requestId: grant.terms.requestId, grantId: grant.id }
  await recordRefusal(record, caller, { kind: 'end.refused', ...facts, code: error.code, sentence: error.message })
}

function mayEnd(grant: Grant, caller: Caller): boolean {
  return isPartyTo(grant.terms, caller.objectId) || caller.roles.includes(OWNER_ROLE)
}

function causeOf({ terms }: Grant, caller: Caller): string {
  if (caller.objectId === terms.requester) return 'done'
  return isPartyTo(terms, caller.objectId) ? 'ended-by-approver' : 'ended-by-owner'
}

export interface EndReason {
  readonly cause: string
  readonly actor: Actor
  /** A sentence for the person; empty where the cause says it all. */
  readonly detail?: string
  /** Events of the same write, as an alarm. */
  readonly alarms?: Commit['audit']
}

/** The one way to end a grant early: a commit to `revoking`. Only `workers/revoke-grant.ts` then talks to AWS. */
export async function beginRevoke(record: RecordPort, stored: StoredGrant, reason: EndReason): Promise<Grant> {
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
  const shown = showAgain(grant.terms.requestId, nowMs, `g${version + 1}`)
  await record.commit({
    records: [{ kind: 'grant', id: grant.id, expectedVersion: version, next }],
    due: [{ kind: 'grants', id: grant.id, at: nowMs }, ...shown.due],
    indexes: [{ kind: 'revoking', value: companyOf(grant.terms.principal), id: grant.id, at: nowMs }],
    audit: [...(reason.alarms ?? []), asked],
    jobs: [{ act: 'revoke', recordId: grant.id, occasion: String(version + 1) }, ...shown.jobs],
  })
  return next
}

/** On time the end was in the policy itself, which only has to be tidied away. Early, it is looked at again: a put may land late. */
function dueTarget({ id, terms }: Grant, outcome: 'expired' | 'revoked', nowMs: number): readonly DueChange[] {
  if (terms.principal.driver === 'session') return []
  return [{ kind: 'targets', id, at: outcome === 'expired' ? nowMs : nowMs + LOOK_AGAIN_MS[0] }]
}

/** On time, by both clocks: one that was set forward must not make us say that access has ended while AWS still allows it. */
export function hasEnded({ status, endsAt }: Grant, nowMs: number): boolean {
  if (endsAt === undefined || (status !== 'activating' && status !== 'active')) return false
  return Date.parse(endsAt) <= Math.min(nowMs, Date.now())
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
  const endings = all.map((stored) => endingOf(stored, 'expired', nowMs))
  await record.commit({
    records: endings.flatMap(({ records }) => records),
    due: endings.flatMap(({ due }) => due),
    indexes: endings.flatMap(({ indexes }) => indexes),
    audit: endings.flatMap(({ audit }) => audit),
    jobs: endings.flatMap(({ jobs }) => jobs),
  })
}

type Ending = Required<Pick<Commit, 'records' | 'due' | 'indexes' | 'audit' | 'jobs'>>

function endingOf({ grant, version }: StoredGrant, outcome: 'expired' | 'revoked', nowMs: number): Ending {
  const endedAt = new Date(nowMs).toISOString()
  const shown = showAgain(grant.terms.requestId, nowMs, `g${version + 1}`)
  // On time the grant passes through `revoking` within this one write: a session's end costs no AWS call.
  const ending = grant.status === 'revoking' ? grant : moveGrant(grant, 'revoking')
  const facts = { actor: LATCHKEY, requestId: grant.terms.requestId, grantId: grant.id }
  return {
    records: [{ kind: 'grant', id: grant.id, expectedVersion: version, next: moveGrant(ending, outcome, { endedAt }) }],
    due: [{ kind: 'grants', id: grant.id, at: null }, ...dueTarget(grant, outcome, nowMs), ...shown.due],
    indexes: [
      { ...LIVE, id: grant.id, at: null },
      ...leaveTarget(grant),
      { kind: 'revoking', value: companyOf(grant.terms.principal), id: grant.id, at: null },
      // On time nothing needs to be denied any more.
      ...(outcome === 'expired' ? leavePlace(grant.terms.principal, grant.id) : []),
    ],
    audit: [
      outcome === 'expired'
        ? { kind: 'grant.expired', ...facts, endsAt: grant.endsAt ?? endedAt }
        : { kind: 'grant.revoked', ...facts, cause: grant.end?.cause ?? 'unknown' },
    ],
    jobs: shown.jobs,
  }
}
