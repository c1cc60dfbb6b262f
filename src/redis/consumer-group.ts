import { z } from 'zod'
import type { Connection } from './connections.ts'
import { replyCode } from './redis-errors.ts'

/** Redis 6.2 answers null for a claimed entry that is no longer in the stream. */
const entries = z.array(z.tuple([z.string(), z.array(z.string()).nullable()]).nullable())
type Entries = z.infer<typeof entries>
const streams = z.array(z.tuple([z.string(), entries])).nullable()
const claimed = z.tuple([z.string(), entries]).rest(z.unknown())

const BLOCK_MS = 1_000

export interface StreamEntry {
  readonly entryId: string
  /** Field names and values in turn, as XADD got them. */
  readonly fields: readonly string[]
}

interface GroupOptions {
  readonly stream: string
  /**
   * Name of the group and of its only consumer. All readers use this name, so each can claim entries that another read
   * but did not acknowledge.
   */
  readonly group: string
  /** An entry that was read is read again when it is not acknowledged within this time. */
  readonly claimAfterMs: number
}

/**
 * Reads a stream as a consumer group.
 * @param redis A worker's connection for this reader alone: reading blocks it for up to a second.
 */
export function groupReader(
  redis: Connection,
  options: GroupOptions,
): (count: number) => Promise<readonly StreamEntry[]> {
  const { stream, group } = options
  const claim = claimer(redis, options)

  async function read(count: number): Promise<readonly StreamEntry[]> {
    const unacknowledged = await claim(count)
    const read = unacknowledged.length > 0 ? unacknowledged : await readNew(redis, options, count)
    return read.flatMap((entry) => (entry ? [{ entryId: entry[0], fields: entry[1] ?? [] }] : []))
  }

  return (count) => withGroup(redis, stream, group, () => read(count))
}

/** Claims entries that a crashed reader has read but not acknowledged. */
function claimer(
  redis: Connection,
  { stream, group, claimAfterMs }: GroupOptions,
): (count: number) => Promise<Entries> {
  let lastClaimAt = Number.NEGATIVE_INFINITY
  return async (count) => {
    if (performance.now() - lastClaimAt < claimAfterMs) return []
    const entries = claimed.parse(await redis.xautoclaim(stream, group, group, claimAfterMs, '0-0', 'COUNT', count))[1]
    // After a full page there may be more, so the next read claims again before it reads new entries.
    if (entries.length < count) lastClaimAt = performance.now()
    return entries
  }
}

async function readNew(redis: Connection, { stream, group }: GroupOptions, count: number): Promise<Entries> {
  const words = ['GROUP', group, group, 'COUNT', count, 'BLOCK', BLOCK_MS, 'STREAMS', stream, '>'] as const
  return streams.parse(await redis.xreadgroup(...words))?.[0]?.[1] ?? []
}

/** Creates the group when it is missing, as in a new or emptied Redis, and runs `ask` again. */
async function withGroup<T>(redis: Connection, stream: string, group: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    if (replyCode(error) !== 'NOGROUP') throw error
    await createGroup(redis, stream, group)
    return ask()
  }
}

async function createGroup(redis: Connection, stream: string, group: string): Promise<void> {
  try {
    await redis.xgroup('CREATE', stream, group, '0', 'MKSTREAM')
  } catch (error) {
    // Another reader has just created it.
    if (replyCode(error) !== 'BUSYGROUP') throw error
  }
}
