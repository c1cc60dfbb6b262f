import { LatchkeyError } from '../errors.ts'
import { refusalLimit } from '../grants/record-refusal.ts'
import type { Limit, RecordPort } from '../record.ts'
import type { Caller } from '../rules/caller.ts'
import { PENDING_OF } from './close-commit.ts'

const HOUR_MS = 3_600_000
const MOST_PENDING = 5
const MOST_ASKS_AN_HOUR = 20
export const ASKS_OF = 'asks'

/** Part of the commit of an ask: however many come at the same moment, no more are taken. */
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

/** Before the directory or AWS is asked anything: one person must not be able to throttle them for everybody. */
export async function refuseSpentLimits(record: RecordPort, caller: Caller): Promise<void> {
  const nowMs = await record.now()
  const limits = [...askLimits(caller, nowMs), refusalLimit(caller, nowMs)]
  const counted = await Promise.all(
    limits.map(({ kind, value, since, atMost }) => record.list(kind, value, { from: since + 1, limit: atMost })),
  )
  const spent = limits.find(({ atMost }, position) => (counted[position]?.length ?? 0) >= atMost)
  if (spent) throw spent.otherwise
}

/** As many as could be taken of one person. */
const MOST_UNDER_WAY = MOST_PENDING
const underWay = new Map<string, number>()

/** Counting what was refused bounds those that come one after the other; this bounds, in each process, those that come at once. */
export async function amongFew<T>({ objectId }: Caller, ask: () => Promise<T>): Promise<T> {
  const before = underWay.get(objectId) ?? 0
  if (before >= MOST_UNDER_WAY) {
    throw new LatchkeyError('TOO_MANY', {
      limit: `${MOST_UNDER_WAY} asks of yours are being looked at.`,
      next: 'Wait for their answers.',
    })
  }
  underWay.set(objectId, before + 1)
  try {
    return await ask()
  } finally {
    const now = (underWay.get(objectId) ?? 1) - 1
    if (now > 0) underWay.set(objectId, now)
    else underWay.delete(objectId)
  }
}
