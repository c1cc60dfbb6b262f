import type { Redis } from 'ioredis'
import { z } from 'zod'

const answer = z.tuple([z.tuple([z.string(), z.array(z.tuple([z.string(), z.array(z.string())]))])]).nullable()

/** Reads a stream in hundreds, parses and acknowledges each record, and returns their number. It matches and counts nothing. */
export async function readStream(redis: Redis, stream: string): Promise<number> {
  await redis.xgroup('CREATE', stream, 'baseline', '0', 'MKSTREAM')
  let records = 0
  for (;;) {
    const words = ['GROUP', 'baseline', 'one', 'COUNT', 100, 'STREAMS', stream, '>'] as const
    const entries = answer.parse(await redis.xreadgroup(...words))?.[0][1] ?? []
    if (entries.length === 0) return records
    for (const [, [, text = '']] of entries) if (JSON.parse(text) !== null) records += 1
    await redis.xack(stream, 'baseline', ...entries.map(([id]) => id))
  }
}
