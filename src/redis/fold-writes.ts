import type { Logger } from 'pino'
import { z } from 'zod'
import { type AuditEvent, LATCHKEY } from '../audit/events.ts'
import type { Explained, Fold, FoldEntry, InboxEntry } from '../oversight/cloudtrail-inbox.ts'
import { cloudTrailRecord } from '../oversight/cloudtrail-record.ts'
import { MOST_LAST_WRITES } from '../oversight/write-summary.ts'
import type { Connection } from './connections.ts'
import { groupReader, type StreamEntry } from './consumer-group.ts'
import { type Keys, keysUnder, PREFIX } from './keys.ts'
import { parsedJson } from './parsed-json.ts'
import { answered } from './redis-errors.ts'
import { readScript, runScript } from './scripts.ts'

const GROUP = 'fold'
const FOLD = readScript('append', 'fold-writes')

/** Records in one run of the script. Redis runs one script at a time, so a longer run would delay other commands. */
const MAX_RECORDS = 500
/** Unexplained records of one kind become one audit event in this time. */
const GATHER_MS = 5_000
/** Kinds of unexplained records that are collected at once; further ones are counted together, as `THE_REST`. */
const MAX_KINDS = 200
/** Shortest time between two edits of a live card. Teams takes 1,800 edits an hour in one conversation. */
const CARD_INTERVAL_MS = 3_000

type Template = Omit<Extract<AuditEvent, { kind: 'write.unexplained' }>, 'count' | 'firstAt' | 'lastAt'>

const various = 'various'
const THE_REST: Template = {
  kind: 'write.unexplained',
  actor: LATCHKEY,
  account: various,
  principal: various,
  name: various,
  bucket: various,
  reason: various,
}

interface FoldOptions {
  readonly prefix?: string
  readonly log: Logger
  readonly claimAfterMs?: number
  readonly gatherMs?: number
}

/**
 * Adds up CloudTrail records by grant.
 * @param reading A worker's connection for this reader alone: reading blocks it for up to a second.
 */
export function redisFold(reading: Connection, writing: Connection, options: FoldOptions): Fold {
  const { prefix = PREFIX, log, claimAfterMs = 5_000, gatherMs = GATHER_MS } = options
  const keys = keysUnder(prefix)
  const read = groupReader(reading, { stream: keys.inbox, group: GROUP, claimAfterMs })
  return {
    read: async (count) => (await answered(read(count))).map((entry) => parseEntry(entry, log)),
    async fold(entries) {
      for (const batch of batchesOf(entries)) {
        const plan = planFold(keys, batch, gatherMs)
        await answered(runScript(writing, FOLD, plan.keys, plan.args))
      }
    },
  }
}

const recordText = z.string().transform(parsedJson).pipe(cloudTrailRecord)

/** A text that is not a record was not written by Latchkey. It is logged, and removed with its entry. */
function parseEntry({ entryId, fields }: StreamEntry, log: Logger): InboxEntry {
  const parsed = fields.filter((_, position) => position % 2 === 1).map((text) => recordText.safeParse(text))
  const records = parsed.flatMap(({ data }) => (data === undefined ? [] : [data]))
  if (records.length < parsed.length || parsed.length === 0)
    log.error({ entryId }, 'the inbox held what is not a record')
  return { entryId, records }
}

/**
 * Splits entries by `MAX_RECORDS`. There is at least one batch, because a run without records still reports due audit
 * events.
 */
function batchesOf(entries: readonly FoldEntry[]): readonly (readonly FoldEntry[])[] {
  const batches: FoldEntry[][] = [[]]
  let records = 0
  for (const entry of entries) {
    if (records > 0 && records + entry.explained.length > MAX_RECORDS) {
      batches.push([])
      records = 0
    }
    batches.at(-1)?.push(entry)
    records += entry.explained.length
  }
  return batches
}

function planFold(keys: Keys, entries: readonly FoldEntry[], gatherMs: number) {
  const all = entries.flatMap(({ explained }) => explained)
  const grantIds = [...new Set(all.flatMap((one) => ('grantId' in one ? [one.grantId] : [])))]
  const positions = new Map(grantIds.map((id, index) => [id, index + 1]))
  return {
    keys: [
      ...[keys.inbox, keys.seen, keys.unexplained, keys.audit, keys.due('copies'), keys.outbox],
      ...grantIds.flatMap((id) => [keys.digest(id), keys.lastWrites(id)]),
    ],
    args: [
      ...[GROUP, String(gatherMs), String(MAX_KINDS), JSON.stringify(THE_REST), String(MOST_LAST_WRITES)],
      ...[String(CARD_INTERVAL_MS), String(all.length), ...all.map((one) => JSON.stringify(describe(one, positions)))],
      ...entries.map(({ entryId }) => entryId),
    ],
  }
}

/** One record as the script reads it. */
function describe(one: Explained, positions: ReadonlyMap<string, number>): object {
  const { record, rememberUntilMs } = one
  // Half a surrogate pair is no text to the script.
  const seen = { id: record.id.toWellFormed(), forgetAtMs: rememberUntilMs, at: record.at, atMs: Date.parse(record.at) }
  if ('unexplained' in one) return { ...seen, gather: JSON.stringify(templateOf(one)) }
  if (one.write === undefined) return seen
  const { kind, name, bucket, key, bytes } = one.write
  const last = JSON.stringify({ kind, name, uri: `s3://${bucket}/${key}` })
  return { ...seen, grant: positions.get(one.grantId), request: one.requestId, kind, bytes, last }
}

function templateOf({ record, unexplained }: Extract<Explained, { readonly unexplained: unknown }>): Template {
  return {
    kind: 'write.unexplained',
    actor: LATCHKEY,
    account: record.account,
    principal: record.principalId ?? record.arn ?? 'none',
    name: record.name,
    bucket: record.bucket ?? '',
    reason: unexplained,
  }
}
