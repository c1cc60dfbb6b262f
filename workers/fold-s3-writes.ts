import type { Logger } from 'pino'
import { listByPrincipalId } from '../src/grants/attach/find-on-entity.ts'
import { type Grant, readGrants } from '../src/grants/grant.ts'
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
  readonly inbox: Fold
  /** Notes what came, once it is folded. */
  readonly prove: (records: readonly CloudTrailRecord[]) => Promise<void>
  readonly log: Logger
}

const AT_ONCE = 200
/** A record is remembered for as long as it could be counted, and this much longer. */
const REMEMBER_LONGER_MS = 3_600_000

/** Explains what CloudTrail told and counts it for its grant. Each grant is read by its id: the cost of a record does not grow with their number. */
export function foldS3Writes({ record, inbox, prove, log }: FoldDeps): Loop {
  async function turn(): Promise<void> {
    const entries = await inbox.read(AT_ONCE)
    await inbox.fold(entries.length > 0 ? await explainAll(record, entries) : [])
    await prove(entries.flatMap(({ records }) => records))
  }
  // Reading waits for entries by itself.
  return startLoop({ name: 'fold-s3-writes', turn, pauseMs: 0, log })
}

async function explainAll(record: RecordPort, entries: readonly InboxEntry[]): Promise<readonly FoldEntry[]> {
  const all = entries.flatMap(({ records }) => records)
  const ids = new Set(all.flatMap((one) => grantIdOf(one) ?? []))
  const principalIds = new Set(all.flatMap((one) => principalIdOf(one) ?? []))
  const [nowMs, stored] = await Promise.all([record.now(), readGrants(record, [...ids])])
  const grants = new Map(stored.map(({ grant }) => [grant.id, grant]))
  const attached = await readAttached(record, [...principalIds], nowMs)
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

/** Of each principal only its own grants are read, however many there are of others. */
async function readAttached(
  record: RecordPort,
  principalIds: readonly string[],
  nowMs: number,
): Promise<ReadonlyMap<string, readonly Grant[]>> {
  const lists = await Promise.all(
    principalIds.map(
      async (principalId) => [principalId, await listByPrincipalId(record, principalId, nowMs)] as const,
    ),
  )
  const stored = await readGrants(record, [...new Set(lists.flatMap(([, ids]) => ids))])
  const grants = new Map(stored.map(({ grant }) => [grant.id, grant]))
  return new Map(lists.map(([principalId, ids]) => [principalId, ids.flatMap((id) => grants.get(id) ?? [])]))
}

function explain(record: CloudTrailRecord, match: Match, nowMs: number): Explained {
  const atLeastUntilMs = nowMs + ACCEPTED_FOR_MS + REMEMBER_LONGER_MS
  if ('unexplained' in match) return { record, rememberUntilMs: atLeastUntilMs, ...match }
  const rememberUntilMs = Math.max(atLeastUntilMs, match.acceptedUntilMs + REMEMBER_LONGER_MS)
  const { grantId, requestId } = match
  return { record, rememberUntilMs, grantId, requestId, write: s3WriteOf(record) }
}
