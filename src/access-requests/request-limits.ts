import { runIfRoom } from '../async.ts'
import { LatchkeyError } from '../errors.ts'
import type { Caller } from '../rules/caller.ts'
import { refusalLimit } from '../store/audit-refusal.ts'
import type { IndexChange, Limit } from '../store/commit.ts'
import { ASKS_OF, PENDING_OF, SAID } from '../store/indexes.ts'
import type { RecordPort } from '../store/record-store.ts'
import type { Thread } from './request-messages.ts'

const HOUR_MS = 3_600_000
export const MOST_PENDING = 5
const MOST_ASKS_AN_HOUR = 20
/** The `outcome` of the CONFLICT when a message that already made a request is delivered again. */
export const ASKED_ALREADY = 'asked already'

interface SaidOnce {
  readonly indexes: readonly IndexChange[]
  readonly limits: readonly Limit[]
}

/** The limits of one requester. They are part of the commit, so they also hold for requests at the same moment. */
export function askLimits({ objectId }: Pick<Caller, 'objectId'>, nowMs: number): readonly Limit[] {
  const tooMany = (limit: string, next: string) => new LatchkeyError('TOO_MANY', { limit, next })
  return [
    {
      kind: PENDING_OF,
      value: objectId,
      since: 0,
      atMost: MOST_PENDING,
      otherwise: tooMany(`You already have ${MOST_PENDING} requests waiting.`, 'Cancel one, or wait for an answer.'),
    },
    {
      kind: ASKS_OF,
      value: objectId,
      since: nowMs - HOUR_MS,
      atMost: MOST_ASKS_AN_HOUR,
      otherwise: tooMany(`You asked ${MOST_ASKS_AN_HOUR} times within an hour.`, 'Wait a little before you ask again.'),
    },
  ]
}

/**
 * Part of the commit of a request. One message or form makes one request, even when it is delivered several times or
 * to several processes.
 */
export function saidOnce(thread: Thread | undefined, requestId: string, nowMs: number): SaidOnce {
  if (thread?.said === undefined) return { indexes: [], limits: [] }
  const said = { kind: SAID, value: thread.said }
  const otherwise = new LatchkeyError('CONFLICT', { thing: 'request', outcome: ASKED_ALREADY })
  return { indexes: [{ ...said, id: requestId, at: nowMs }], limits: [{ ...said, since: 0, atMost: 1, otherwise }] }
}

/**
 * Checks the limits before the directory or AWS is called, so that one person cannot use up their rate limits.
 * @throws TOO_MANY
 */
export async function refuseSpentLimits(record: RecordPort, caller: Caller): Promise<void> {
  const nowMs = await record.now()
  const limits = [...askLimits(caller, nowMs), refusalLimit(caller, nowMs)]
  const counted = await Promise.all(
    limits.map(({ kind, value, since, atMost }) => record.list(kind, value, { from: since + 1, limit: atMost })),
  )
  const spent = limits.find(({ atMost }, position) => (counted[position]?.length ?? 0) >= atMost)
  if (spent) throw spent.otherwise
}

/** More could not be accepted from one person anyway. */
const MOST_UNDER_WAY = MOST_PENDING

/** @throws TOO_MANY */
export type AmongFew = <T>(caller: Caller, ask: () => Promise<T>) => Promise<T>

/** Limits, in each process, how many requests of one person run at once. `refusalLimit` limits refusals an hour. */
export function fewAtOnce(): AmongFew {
  const run = runIfRoom(MOST_UNDER_WAY)
  return async ({ objectId }, ask) => {
    const outcome = await run(objectId, ask)
    if (outcome !== 'full') return outcome
    throw new LatchkeyError('TOO_MANY', {
      limit: `${MOST_UNDER_WAY} asks of yours are being looked at.`,
      next: 'Wait for their answers.',
    })
  }
}
