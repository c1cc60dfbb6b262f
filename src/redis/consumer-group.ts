import { z } from 'zod'
import { replyCode } from './answers.ts'
import type { Connection } from './connections.ts'

/** Redis 6.2 answers null for an entry that was claimed and is no longer in the stream. */
const entries = z.array(z.tuple([z.string(), z.array(z.string()).nullable()]).nullable())
type Entries = z.infer<typeof entries>
const streams = z.array(z.tuple([z.string(), entries])).nullable()
const claimed = z.tuple([z.string(), entries]).rest(z.unknown())

const BLOCK_MS = 1_000

export interface StreamEntry {
  readonly entryId: string
  /** Names and values in turn, as they were added. */
  readonly fields: readonly string[]
}

interface GroupOptions {
  readonly stream: string
  /** Also the name of the one consumer: an entry goes to one reader, and what one left behind any of them claims. */
  readonly group: string
  /** An entry that was read and not acknowledged for this long is read again. */
  readonly claimAfterMs: number
}

/** Needs a worker's connection that nobody else uses: reading blocks it for up to a second. */
export function groupReader(
  redis: Connection,
  options: GroupOptions,
): (count: number) => Promise<readonly StreamEntry[]> {
  const { stream, group } = options
  const claim = claimer(redis, options)

  async function read(count: number): Promise<readonly StreamEntry[]> {
    const left = await claim(count)
    const found = left.length > 0 ? left : await readNew(redis, options, count)
    return found.flatMap((entry) => (entry ? [{ entryId: entry[0], fields: entry[1] ?? [] }] : []))
  }

  return (count) => withGroup(redis, stream, group, () => read(count))
}

/** What a reader has read and, having crashed, never acknowledged. */
function claimer(
  redis: Connection,
  { stream, group, claimAfterMs }: GroupOptions,
): (count: number) => Promise<Entries> {
  let lastClaimAt = Number.NEGATIVE_INFINITY
  return async (count) => {
    if (performance.now() - lastClaimAt < claimAfterMs) return []
    const left = claimed.parse(await redis.xautoclaim(stream, group, group, claimAfterMs, '0-0', 'COUNT', count))[1]
    // While there may be more of them, they come before anything new.
    if (left.length < count) lastClaimAt = performance.now()
    return left
  }
}

async function readNew(redis: Connection, { stream, group }: GroupOptions, count: number): Promise<Entries> {
  const words = ['GROUP', group, group, 'COUNT', count, 'BLOCK', BLOCK_MS, 'STREAMS', stream, '>'] as const
  return streams.parse(await redis.xreadgroup(...words))?.[0]?.[1] ?? []
}

/** The group is missing in a new Redis, and again after it was emptied. */
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
    // Another reader was quicker.
    if (replyCode(error) !== 'BUSYGROUP') throw error
  }
}
