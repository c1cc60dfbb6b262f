import type { Logger } from 'pino'
import { z } from 'zod'
import type { Outbox, OutboxEntry } from '../record.ts'
import { answered, replyCode } from './answers.ts'
import type { Connection } from './connections.ts'
import { keysUnder, PREFIX } from './keys.ts'
import { jobText } from './outbox-job.ts'

/** One group and one consumer for every relay: an entry goes to one of them, and what one left behind any of them claims. */
const GROUP = 'relay'

const BLOCK_MS = 1_000

/** Redis 6.2 answers null for an entry that was claimed and is no longer in the stream. */
const entries = z.array(z.tuple([z.string(), z.array(z.string()).nullable()]).nullable())
type Entries = z.infer<typeof entries>
const streams = z.array(z.tuple([z.string(), entries])).nullable()
const claimed = z.tuple([z.string(), entries]).rest(z.unknown())

interface OutboxOptions {
  readonly prefix?: string
  readonly log: Logger
  /** An entry that was read and not acknowledged for this long is read again. */
  readonly claimAfterMs?: number
}

/** Needs a worker's connection that nobody else uses: reading blocks it for up to a second. */
export function redisOutbox(redis: Connection, { prefix = PREFIX, log, claimAfterMs = 5_000 }: OutboxOptions): Outbox {
  const stream = keysUnder(prefix).outbox
  const claim = claimer(redis, stream, claimAfterMs)

  async function read(count: number): Promise<readonly OutboxEntry[]> {
    const left = await claim(count)
    const { jobs, strange } = sort(left.length > 0 ? left : await readNew(redis, stream, count))
    if (strange.length > 0) {
      log.error({ entryIds: strange }, 'the outbox held entries that are not jobs; they were removed')
      await acknowledge(redis, stream, strange)
    }
    return jobs
  }

  return {
    read: (count) => answered(withGroup(redis, stream, () => read(count))),
    acknowledge: (entryIds) => answered(acknowledge(redis, stream, entryIds)),
  }
}

/** What a relay has read and, having crashed, never acknowledged. */
function claimer(redis: Connection, stream: string, claimAfterMs: number): (count: number) => Promise<Entries> {
  let lastClaimAt = Number.NEGATIVE_INFINITY
  return async (count) => {
    if (performance.now() - lastClaimAt < claimAfterMs) return []
    const left = claimed.parse(await redis.xautoclaim(stream, GROUP, GROUP, claimAfterMs, '0-0', 'COUNT', count))[1]
    // While there may be more of them, they come before anything new.
    if (left.length < count) lastClaimAt = performance.now()
    return left
  }
}

async function readNew(redis: Connection, stream: string, count: number): Promise<Entries> {
  const words = ['GROUP', GROUP, GROUP, 'COUNT', count, 'BLOCK', BLOCK_MS, 'STREAMS', stream, '>'] as const
  return streams.parse(await redis.xreadgroup(...words))?.[0]?.[1] ?? []
}

/** `strange`: not a job, so no commit wrote it. Left where it is, it would come again for ever. */
function sort(found: Entries): { readonly jobs: readonly OutboxEntry[]; readonly strange: readonly string[] } {
  const read = found.flatMap((entry) => (entry ? [{ entryId: entry[0], job: jobText.safeParse(entry[1]?.[1]) }] : []))
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

/** The group is missing in a new Redis, and again after it was emptied. */
async function withGroup<T>(redis: Connection, stream: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    if (replyCode(error) !== 'NOGROUP') throw error
    await createGroup(redis, stream)
    return ask()
  }
}

async function createGroup(redis: Connection, stream: string): Promise<void> {
  try {
    await redis.xgroup('CREATE', stream, GROUP, '0', 'MKSTREAM')
  } catch (error) {
    // Another relay was quicker.
    if (replyCode(error) !== 'BUSYGROUP') throw error
  }
}
