import type { Logger } from 'pino'
import type { Outbox, OutboxEntry } from '../jobs/outbox.ts'
import type { Connection } from './connections.ts'
import { groupReader, type StreamEntry } from './consumer-group.ts'
import { keysUnder, PREFIX } from './keys.ts'
import { jobText } from './outbox-job.ts'
import { answered } from './redis-errors.ts'

const GROUP = 'relay'

interface OutboxOptions {
  readonly prefix?: string
  readonly log: Logger
  /** An entry that was read is read again when it is not acknowledged within this time. */
  readonly claimAfterMs?: number
}

/**
 * The outbox as a Redis stream. Entries that are no jobs are removed and logged.
 * @param redis A worker's connection for this reader alone: reading blocks it for up to a second.
 */
export function redisOutbox(redis: Connection, { prefix = PREFIX, log, claimAfterMs = 5_000 }: OutboxOptions): Outbox {
  const stream = keysUnder(prefix).outbox
  const readEntries = groupReader(redis, { stream, group: GROUP, claimAfterMs })

  async function read(count: number): Promise<readonly OutboxEntry[]> {
    const { jobs, foreign } = parseEntries(await readEntries(count))
    if (foreign.length > 0) {
      log.error({ entryIds: foreign }, 'the outbox held entries that are not jobs; they were removed')
      await acknowledge(redis, stream, foreign)
    }
    return jobs
  }

  return {
    read: (count) => answered(read(count)),
    acknowledge: (entryIds) => answered(acknowledge(redis, stream, entryIds)),
  }
}

/**
 * `foreign`: ids of entries that are no jobs, so no commit wrote them. They must be removed, or they would be read
 * again for ever.
 */
function parseEntries(entries: readonly StreamEntry[]): {
  readonly jobs: readonly OutboxEntry[]
  readonly foreign: readonly string[]
} {
  const read = entries.map(({ entryId, fields }) => ({ entryId, job: jobText.safeParse(fields[1]) }))
  return {
    jobs: read.flatMap(({ entryId, job }) => (job.success ? [{ entryId, job: job.data }] : [])),
    foreign: read.flatMap(({ entryId, job }) => (job.success ? [] : [entryId])),
  }
}

async function acknowledge(redis: Connection, stream: string, entryIds: readonly string[]): Promise<void> {
  if (entryIds.length === 0) return
  const replies = await redis
    .multi()
    .xack(stream, GROUP, ...entryIds)
    .xdel(stream, ...entryIds)
    .exec()
  const failure = replies?.find(([error]) => error)?.[0]
  if (failure) throw failure
}
