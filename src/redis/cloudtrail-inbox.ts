import { LatchkeyError } from '../errors.ts'
import type { Inbox } from '../oversight/cloudtrail-inbox.ts'
import type { CloudTrailRecord } from '../oversight/cloudtrail-record.ts'
import { translate } from './answers.ts'
import type { Connection } from './connections.ts'
import { keysUnder, PREFIX } from './keys.ts'

/** Small enough that a script which folds some hundred entries stays short. */
const MOST_IN_ENTRY = 20
const MOST_AT_ONCE = 500
/** EventBridge waits for five seconds. Whoever comes when so many wait already is asked to come back. */
const MOST_WAITING = 5_000

interface Waiting {
  readonly json: string
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** Takes a connection for requests. What arrives while one batch is on its way goes with the next: one write to disk for all of them. */
export function redisInbox(redis: Connection, { prefix = PREFIX }: { readonly prefix?: string } = {}): Inbox {
  const stream = keysUnder(prefix).inbox
  const waiting: Waiting[] = []
  let isSending = false

  async function sendAll(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting.splice(0, MOST_AT_ONCE)
      const entries = Array.from({ length: Math.ceil(batch.length / MOST_IN_ENTRY) }, (_, position) =>
        batch.slice(position * MOST_IN_ENTRY, (position + 1) * MOST_IN_ENTRY),
      )
      await Promise.all(entries.map((entry) => send(redis, stream, entry)))
    }
    isSending = false
  }

  function append(record: CloudTrailRecord): Promise<void> {
    if (waiting.length >= MOST_WAITING) {
      throw new LatchkeyError('UNAVAILABLE', { what: 'the record', retryAfterSeconds: 5 })
    }
    return new Promise((resolve, reject) => {
      waiting.push({ json: JSON.stringify(record), resolve, reject })
      if (isSending) return
      isSending = true
      setImmediate(() => void sendAll())
    })
  }

  return { append: async (record) => append(record) }
}

/** Acknowledged or refused: each of those who wait learns it. */
async function send(redis: Connection, stream: string, entry: readonly Waiting[]): Promise<void> {
  try {
    await redis.xadd(stream, '*', ...entry.flatMap(({ json }) => ['record', json]))
    for (const one of entry) one.resolve()
  } catch (error) {
    for (const one of entry) one.reject(translate(error))
  }
}
