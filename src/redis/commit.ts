import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { auditEvent } from '../audit/events.ts'
import { LatchkeyError } from '../errors.ts'
import type { Commit, RecordKind } from '../store/commit.ts'
import { RECONCILED } from '../store/indexes.ts'
import { COMMAND_TIMEOUT_MS, type Connection, untilReady } from './connections.ts'
import type { Keys } from './keys.ts'
import { job } from './outbox-job.ts'
import { replyCode, translate, unavailable } from './redis-errors.ts'
import { readScript, runScript } from './scripts.ts'

const COMMIT = readScript('append', 'commit')

/**
 * How long Redis remembers a commit's token. Longer than a commit can be under way: after 15 s its connection is
 * closed.
 */
const TOKEN_LIFETIME_MS = 60_000

/** Pause between two sendings, so that a connection that fails at once does not keep the process busy. */
const PAUSE_MS = 20

/** What a conflict message calls a record. */
const THINGS = {
  request: 'request',
  grant: 'grant',
  deny: 'grant',
  copy: 'request',
  notice: 'grant',
} as const satisfies Record<RecordKind, string>

const answer = z.tuple([z.enum(['done', 'conflict', 'limit'])]).rest(z.number())
type Answer = z.infer<typeof answer>

interface Plan {
  readonly keys: readonly string[]
  readonly args: readonly string[]
}

/**
 * Kinds of messages and security notices, and of their due entries. They hold what was sent, which needs no audit
 * event.
 */
const MESSAGE_KINDS: ReadonlySet<string> = new Set(['copy', 'copies', 'notice', 'notices'])

function needsNoEvent({ records, due = [], indexes = [], epoch }: Commit): boolean {
  const written = [...records.filter(({ next }) => next !== undefined), ...due]
  const isBookkeeping = indexes.every(({ kind }) => kind === RECONCILED)
  return epoch === undefined && isBookkeeping && written.every(({ kind }) => MESSAGE_KINDS.has(kind))
}

/**
 * Keys and arguments for `commit.lua`.
 * @throws Error for a change that no caller may send: it would fail half way, or write something unreadable
 */
export function planCommit(keys: Keys, change: Commit, token: string): Plan {
  const records = change.records.map((write) => keys.record(write.kind, write.id))
  if (new Set(records).size < records.length) throw new Error('A commit writes each record once.')
  if (change.audit.length === 0 && !needsNoEvent(change)) throw new Error('A commit holds at least one audit event.')
  const limits = change.limits ?? []
  const moves = [
    ...(change.due ?? []).map((entry) => ({ key: keys.due(entry.kind), ...entry })),
    ...(change.indexes ?? []).map((entry) => ({ key: keys.index(entry.kind, entry.value), ...entry })),
  ]
  const limitKeys = limits.map((limit) => keys.index(limit.kind, limit.value))
  return {
    keys: [
      ...[keys.commit(token), keys.audit, keys.outbox, keys.epoch],
      ...[...records, ...limitKeys, ...moves.map((move) => move.key)],
    ],
    args: [
      String(TOKEN_LIFETIME_MS),
      change.epoch ?? '',
      ...list(change.records, (write) => [
        String(write.expectedVersion),
        write.next === undefined ? '' : JSON.stringify(write.next),
      ]),
      ...list(limits, (limit) => [score(limit.since), String(limit.atMost)]),
      ...list(moves, (move) => [move.id, move.at === null ? '' : score(move.at)]),
      ...list(change.audit, (event) => [JSON.stringify(auditEvent.parse(event))]),
      ...list(change.jobs ?? [], (named) => [JSON.stringify(job.parse(named))]),
    ],
  }
}

function list<T>(items: readonly T[], write: (item: T) => readonly string[]): readonly string[] {
  return [String(items.length), ...items.flatMap(write)]
}

function score(milliseconds: number): string {
  if (Number.isFinite(milliseconds)) return String(milliseconds)
  throw new Error('A time in the record is a finite number of milliseconds.')
}

/**
 * Sends a plan again and again until its outcome is known, for 2 s at most. Each plan carries a token, so Redis applies it
 * once however often it arrives. ioredis also repeats it once by itself after a lost connection.
 * @throws CONFLICT when a record's version has moved, or the error of a limit that is reached
 * @throws UNAVAILABLE; with `perhapsDone` when the plan was sent and no answer came
 */
export async function sendCommit(redis: Connection, plan: Plan, change: Commit): Promise<void> {
  if (redis.status !== 'ready') throw unavailable(new Error(`The connection is in state ${redis.status}.`))
  const giveUpAt = performance.now() + COMMAND_TIMEOUT_MS
  for (let sendings = 1; ; sendings += 1) {
    const { answer, error } = await sendOnce(redis, plan)
    if (answer !== undefined) return conclude(answer, change)
    if (replyCode(error) !== undefined && sendings === 1) throw translate(error)
    await delay(PAUSE_MS)
    const remainingMs = giveUpAt - performance.now()
    if (remainingMs <= 0 || !(await untilReady(redis, remainingMs))) throw unavailable(error, true)
  }
}

async function sendOnce(redis: Connection, plan: Plan): Promise<{ answer?: Answer; error?: unknown }> {
  try {
    return { answer: answer.parse(await runScript(redis, COMMIT, plan.keys, plan.args)) }
  } catch (error) {
    return { error }
  }
}

function conclude([outcome, n = 0]: Answer, change: Commit): void {
  if (outcome === 'done') return
  if (outcome === 'limit')
    throw change.limits?.[n - 1]?.otherwise ?? new Error('Redis names a limit that was not sent.')
  const kind = change.records[n - 1]?.kind ?? 'grant'
  throw new LatchkeyError('CONFLICT', { thing: THINGS[kind] })
}
