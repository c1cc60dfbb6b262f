import { LatchkeyError } from '../errors.ts'
import type { Inbox } from '../oversight/cloudtrail-inbox.ts'
import type { CloudTrailRecord } from '../oversight/cloudtrail-record.ts'
import type { Connection } from './connections.ts'
import { keysUnder, PREFIX } from './keys.ts'
import { translate } from './redis-errors.ts'

/**
 * CloudTrail records in one stream entry. Few, because the fold script works on whole entries and blocks Redis
 * meanwhile.
 */
const RECORDS_PER_ENTRY = 20
/** Records in one batch. */
const RECORDS_PER_BATCH = 500
/**
 * With this many records waiting, further ones are refused with UNAVAILABLE. EventBridge waits only five seconds for an
 * answer.
 */
const MAX_WAITING = 5_000

interface Waiting {
  readonly json: string
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/**
 * The inbox as a Redis stream. Records that arrive while a batch is being sent go into the next batch, so one write to
 * disk serves many.
 * @param redis A connection for requests.
 */
export function redisInbox(redis: Connection, { prefix = PREFIX }: { readonly prefix?: string } = {}): Inbox {
  const stream = keysUnder(prefix).inbox
  const waiting: Waiting[] = []
  let isSending = false

  async function sendAll(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting.splice(0, RECORDS_PER_BATCH)
      const entries = Array.from({ length: Math.ceil(batch.length / RECORDS_PER_ENTRY) }, (_, index) =>
        batch.slice(index * RECORDS_PER_ENTRY, (index + 1) * RECORDS_PER_ENTRY),
      )
      await Promise.all(entries.map((entry) => send(redis, stream, entry)))
    }
    isSending = false
  }

  function append(record: CloudTrailRecord): Promise<void> {
    if (waiting.length >= MAX_WAITING) {
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

/** Sends one entry and settles the promises of all its records. */
async function send(redis: Connection, stream: string, entry: readonly Waiting[]): Promise<void> {
  try {
    await redis.xadd(stream, '*', ...entry.flatMap(({ json }) => ['record', json]))
    for (const one of entry) one.resolve()
  } catch (error) {
    for (const one of entry) one.reject(translate(error))
  }
}
