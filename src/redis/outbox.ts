import type { Logger } from 'pino'
import type { Outbox, OutboxEntry } from '../jobs/outbox.ts'
import { answered } from './answers.ts'
import type { Connection } from './connections.ts'
import { groupReader, type StreamEntry } from './consumer-group.ts'
import { keysUnder, PREFIX } from './keys.ts'
import { jobText } from './outbox-job.ts'

const GROUP = 'relay'

interface OutboxOptions {
  readonly prefix?: string
  readonly log: Logger
  /** An entry that was read and not acknowledged for this long is read again. */
  readonly claimAfterMs?: number
}

/** Needs a worker's connection that nobody else uses: reading blocks it for up to a second. */
export function redisOutbox(redis: Connection, { prefix = PREFIX, log, claimAfterMs = 5_000 }: OutboxOptions): Outbox {
  const stream = keysUnder(prefix).outbox
  const readEntries = groupReader(redis, { stream, group: GROUP, claimAfterMs })

  async function read(count: number): Promise<readonly OutboxEntry[]> {
    const { jobs, strange } = sort(await readEntries(count))
    if (strange.length > 0) {
      log.error({ entryIds: strange }, 'the outbox held entries that are not jobs; they were removed')
      await acknowledge(redis, stream, strange)
    }
    return jobs
  }

  return {
    read: (count) => answered(read(count)),
    acknowledge: (entryIds) => answered(acknowledge(redis, stream, entryIds)),
  }
}

/** `strange`: not a job, so no commit wrote it. Left where it is, it would come again for ever. */
function sort(found: readonly StreamEntry[]): {
  readonly jobs: readonly OutboxEntry[]
  readonly strange: readonly string[]
} {
  const read = found.map(({ entryId, fields }) => ({ entryId, job: jobText.safeParse(fields[1]) }))
  return {
    jobs: read.flatMap(({ entryId, job }) => (job.success ? [{ entryId, job: job.data }] : [])),
    strange: read.flatMap(({ entryId, job }) => (job.success ? [] : [entryId])),
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
