import { z } from 'zod'
import { WRITE_KINDS } from '../oversight/s3-write.ts'
import { type LastWrite, MOST_LAST_WRITES, type WriteSummaries, type WriteSummary } from '../oversight/write-summary.ts'
import type { Connection } from './connections.ts'
import { type Keys, keysUnder, PREFIX } from './keys.ts'
import { parsedJson } from './parsed-json.ts'
import { answered } from './redis-errors.ts'

/** A sum that `fold-writes.lua` keeps. Anything that is no such number counts as 0. */
const amount = z.coerce.number().int().nonnegative().catch(0).default(0)
const time = z.iso.datetime().nullable().catch(null).default(null)
const counts = z.object({
  written: amount,
  copied: amount,
  deleted: amount,
  'batch-deleted': amount,
  tagged: amount,
  other: amount,
  denied: amount,
}) satisfies z.ZodType<WriteSummary['counts']>
const sums = z.object({ bytes: amount, firstAt: time, lastAt: time })
const lastWrite = z.object({ kind: z.enum(WRITE_KINDS), name: z.string(), uri: z.string() })

/** @param redis A connection with the purpose `request`. */
export function redisWriteSummaries(
  redis: Connection,
  { prefix = PREFIX }: { readonly prefix?: string } = {},
): WriteSummaries {
  const keys = keysUnder(prefix)
  // Promise.all sends all reads in one round trip.
  return { readMany: (grantIds) => answered(Promise.all(grantIds.map((id) => read(redis, keys, id)))) }
}

async function read(redis: Connection, keys: Keys, grantId: string): Promise<WriteSummary> {
  const [fields, flat] = await Promise.all([
    redis.hgetall(keys.digest(grantId)),
    redis.zrevrange(keys.lastWrites(grantId), 0, MOST_LAST_WRITES - 1, 'WITHSCORES'),
  ])
  const pairs = flat.flatMap((text, position) =>
    position % 2 === 0 ? [{ text, atMs: Number(flat[position + 1]) }] : [],
  )
  return { counts: counts.parse(fields), ...sums.parse(fields), last: pairs.flatMap(parseLast) }
}

const lastText = z.string().transform(parsedJson).pipe(lastWrite)

function parseLast({ text, atMs }: { readonly text: string; readonly atMs: number }): readonly LastWrite[] {
  const parsed = lastText.safeParse(text)
  const at = new Date(atMs)
  return parsed.success && !Number.isNaN(at.getTime()) ? [{ ...parsed.data, at: at.toISOString() }] : []
}
