import { Redis } from 'ioredis'
import type { CloudTrailRecord } from '../../src/oversight/cloudtrail-record.ts'
import { readStream } from './baselines/intake-fold.ts'
import { atLeast, type Bench } from './bench.ts'
import { makeRecords, openFoldFixture } from './tools/fold-fixture.ts'
import { closing } from './tools/processes.ts'
import { compare, inWords } from './tools/rounds.ts'

const LIVE_GRANTS = 100_000
const RECORDS = 15_000
const STREAM = 'baseline:inbox'
const UNIT = 'records/s'

/**
 * From the inbox to deduplicated, matched and summarised, with 100,000 live grants. One record in ten is by a grant, each time another.
 * The baseline reads and parses the same cut records, one per entry.
 */
export const intakeFold: Bench = {
  name: 'intake-fold',
  run: (say) =>
    closing(async (closeLater) => {
      say(`writing ${LIVE_GRANTS} live grants`)
      const fixture = await openFoldFixture(LIVE_GRANTS)
      closeLater(() => fixture.close())
      const redis = new Redis(fixture.url)
      closeLater(() => redis.disconnect())

      async function latchkey(): Promise<number> {
        return fixture.fold(makeRecords(RECORDS, fixture.grantIds))
      }

      async function baseline(): Promise<number> {
        await fill(redis, makeRecords(RECORDS, fixture.grantIds))
        const startedAt = performance.now()
        const records = await readStream(redis, STREAM)
        return records / ((performance.now() - startedAt) / 1_000)
      }

      const compared = await compare({ latchkey, baseline }, UNIT, say)
      return atLeast(0.4, compared.ratio, `${inWords(compared, UNIT)}; ${LIVE_GRANTS} live grants, 1 in 10 matching`)
    }),
}

async function fill(redis: Redis, records: readonly CloudTrailRecord[]): Promise<void> {
  await redis.del(STREAM)
  const pipeline = redis.pipeline()
  for (const record of records) pipeline.xadd(STREAM, '*', 'record', JSON.stringify(record))
  await pipeline.exec()
}
