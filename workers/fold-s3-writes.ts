import type { Logger } from 'pino'
import { listByPrincipalId } from '../src/grants/attach/find-on-entity.ts'
import { type GenuineGrant, readGenuineGrants } from '../src/grants/genuine-grant.ts'
import type { Explained, Fold, FoldEntry, InboxEntry } from '../src/oversight/cloudtrail-inbox.ts'
import type { CloudTrailRecord } from '../src/oversight/cloudtrail-record.ts'
import {
  ACCEPTED_FOR_MS,
  grantIdOf,
  type Match,
  matchAttached,
  matchGrant,
  principalIdOf,
} from '../src/oversight/match-grant.ts'
import { s3WriteOf } from '../src/oversight/s3-write.ts'
import type { RecordPort } from '../src/store/record-store.ts'
import { type Loop, startLoop } from './loop.ts'

export interface FoldDeps {
  readonly record: RecordPort
  readonly approvalKey: string
  readonly inbox: Fold
  /** Takes the records once they are folded: notes for which buckets CloudTrail records arrive. */
  readonly prove: (records: readonly CloudTrailRecord[]) => Promise<void>
  readonly log: Logger
}

type GrantDeps = Pick<FoldDeps, 'record' | 'approvalKey'>

const BATCH = 200
/** A record is remembered for as long as it could be counted, plus this time. */
const REMEMBER_LONGER_MS = 3_600_000

/**
 * Finds the grant of each CloudTrail record and counts its S3 writes. Grants are read by id, so the cost of a record
 * does not grow with the number of grants.
 */
export function foldS3Writes(deps: FoldDeps): Loop {
  const { inbox, prove, log } = deps
  async function turn(): Promise<void> {
    const entries = await inbox.read(BATCH)
    await inbox.fold(entries.length > 0 ? await explainAll(deps, entries) : [])
    await prove(entries.flatMap(({ records }) => records))
  }
  // No pause: `inbox.read` waits until there are entries.
  return startLoop({ name: 'fold-s3-writes', turn, pauseMs: 0, log })
}

async function explainAll(deps: GrantDeps, entries: readonly InboxEntry[]): Promise<readonly FoldEntry[]> {
  const all = entries.flatMap(({ records }) => records)
  const ids = new Set(all.flatMap((one) => grantIdOf(one) ?? []))
  const principalIds = new Set(all.flatMap((one) => principalIdOf(one) ?? []))
  const [nowMs, grants] = await Promise.all([deps.record.now(), readById(deps, [...ids])])
  const attached = await readAttached(deps, [...principalIds], nowMs)
  const matchOf = (one: CloudTrailRecord) => {
    const principalId = principalIdOf(one)
    if (principalId !== undefined) return matchAttached(one, attached.get(principalId) ?? [], nowMs)
    return matchGrant(one, grants.get(grantIdOf(one) ?? ''), nowMs)
  }
  return entries.map(({ entryId, records }) => ({
    entryId,
    explained: records.map((one) => explain(one, matchOf(one), nowMs)),
  }))
}

/** Forged grants are left out: their CloudTrail records count as unexplained. */
async function readById(deps: GrantDeps, ids: readonly string[]): Promise<ReadonlyMap<string, GenuineGrant>> {
  const genuine = (await readGenuineGrants(deps, ids)).filter((one) => one.kind === 'genuine')
  return new Map(genuine.map((one) => [one.grant.id, one]))
}

/** The grants of the driver `attach`, by principal id. Reads only the grants of these principals. */
async function readAttached(
  deps: GrantDeps,
  principalIds: readonly string[],
  nowMs: number,
): Promise<ReadonlyMap<string, readonly GenuineGrant[]>> {
  const lists = await Promise.all(
    principalIds.map(
      async (principalId) => [principalId, await listByPrincipalId(deps.record, principalId, nowMs)] as const,
    ),
  )
  const grants = await readById(deps, [...new Set(lists.flatMap(([, ids]) => ids))])
  return new Map(lists.map(([principalId, ids]) => [principalId, ids.flatMap((id) => grants.get(id) ?? [])]))
}

function explain(record: CloudTrailRecord, match: Match, nowMs: number): Explained {
  const atLeastUntilMs = nowMs + ACCEPTED_FOR_MS + REMEMBER_LONGER_MS
  if ('unexplained' in match) return { record, rememberUntilMs: atLeastUntilMs, ...match }
  const rememberUntilMs = Math.max(atLeastUntilMs, match.acceptedUntilMs + REMEMBER_LONGER_MS)
  const { grantId, requestId } = match
  return { record, rememberUntilMs, grantId, requestId, write: s3WriteOf(record) }
}
