import type { IndexChange, Limit, RecordPort } from '../../store/record-store.ts'
import type { AttachTargets, Target } from '../driver.ts'
import { type Grant, readGrants, type StoredGrant } from '../grant.ts'
import { parseTargetId, targetId, targetOf } from '../iam-entity.ts'

/** Where grants of the driver `attach` lie: indexes, so that a look at one target, or at one CloudTrail record, costs by that one only. */

/** Grants that AWS may be enforcing on one target, by the time of their last attempt. */
const ON_TARGET = 'on-target'
/** `<targetId>/<grantId>` of every attach grant, by its end. */
const TARGETS = { kind: 'targets', value: 'recent' } as const
/** Grants by the exact `aws:userid` that holds them, by their end. */
const HELD_BY = 'held-by'

/** A put whose answer was lost may land late, so a target is looked at again that long after an early end. */
export const LOOK_AGAIN_MS = [10_000, 60_000] as const

const DAY_MS = 24 * 3_600_000
/** Clocks may be apart, and the record of a call comes up to a day late. */
const KEPT_FOR_MS = DAY_MS + 5 * 60_000
/** AWS's quota ends it long before: a role holds a dozen grants at once. */
const MOST_ON_TARGET = 200
const MOST_RECENT = 100_000
/** As many as one person can have had within a day. */
const MOST_HELD = 500

type Changes = Required<Pick<Parameters<RecordPort['commit']>[0], 'indexes' | 'limits'>>

/** Part of the commit that fixes the end, before AWS is asked to allow anything: whatever may lie on a target can be found there. */
export function enterTarget({ id, terms }: Grant, endsAtMs: number, nowMs: number): Changes {
  const { principal } = terms
  if (principal.driver === 'session') return { indexes: [], limits: [] }
  const target = targetId(targetOf(principal))
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

export function leaveTarget({ id, terms }: Grant): readonly IndexChange[] {
  const { principal } = terms
  if (principal.driver === 'session') return []
  return [{ kind: ON_TARGET, value: targetId(targetOf(principal)), id, at: null }]
}

/** Grants that are active on the target as far as the record knows. */
export async function readActiveOn(record: RecordPort, target: Target): Promise<readonly StoredGrant[]> {
  const ids = await record.list(ON_TARGET, targetId(target), { limit: MOST_ON_TARGET, newestFirst: true })
  return (await readGrants(record, ids)).filter(({ grant }) => grant.status === 'active')
}

/** Targets with a grant that is live, or was within a day. */
export async function recentTargets(record: RecordPort): Promise<readonly Target[]> {
  const from = (await record.now()) - DAY_MS
  const entries = await record.list(TARGETS.kind, TARGETS.value, { from, limit: MOST_RECENT, newestFirst: true })
  const ids = new Set(entries.map((entry) => entry.slice(0, entry.lastIndexOf('/'))))
  return [...ids].flatMap((id) => parseTargetId(id) ?? [])
}

/** Everything that grants may lie on: what the rules name today, and what grants of the last day were given to. */
export async function readTargets(needs: {
  readonly record: RecordPort
  readonly driver: Pick<AttachTargets, 'targets'>
}): Promise<readonly Target[]> {
  const all = [...needs.driver.targets(), ...(await recentTargets(needs.record))]
  return [...new Map(all.map((target) => [targetId(target), target])).values()]
}

/** Ids of the grants that this principal has, or had within a day, the one that ends last first. */
export function listHeldBy(
  record: Pick<RecordPort, 'list'>,
  userid: string,
  nowMs: number,
): Promise<readonly string[]> {
  return record.list(HELD_BY, userid, { from: nowMs - KEPT_FOR_MS, limit: MOST_HELD, newestFirst: true })
}
