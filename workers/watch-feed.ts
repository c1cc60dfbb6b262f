import type { Logger } from 'pino'
import { LATCHKEY } from '../src/audit/events.ts'
import type { FeedDriftCheck } from '../src/oversight/feed.ts'
import { LIVE } from '../src/store/indexes.ts'
import type { RecordPort } from '../src/store/record-store.ts'
import { withLease } from '../src/store/with-lease.ts'
import { type Loop, startLoop } from './loop.ts'

const LOOK_EVERY_MS = 15 * 60_000
const LEASE_MS = 60_000

export interface WatchDeps {
  readonly record: RecordPort
  readonly look: FeedDriftCheck
  readonly log: Logger
}

/** While a grant is live: whether what is written will be seen. */
export function watchFeed(deps: WatchDeps): Loop {
  const told = new Map<string, string>()
  return startLoop({
    name: 'watch-wiring',
    turn: () => checkFeedDrift(deps, told),
    pauseMs: LOOK_EVERY_MS,
    log: deps.log,
  })
}

/** @param told What was told of each place, so that it is not told again while it stays. */
export async function checkFeedDrift({ record, look, log }: WatchDeps, told: Map<string, string>): Promise<void> {
  if ((await record.list(LIVE.kind, LIVE.value, { limit: 1 })).length === 0) return
  await withLease(record, 'watch-wiring', LEASE_MS, async () => {
    const drift = await look.drift()
    const now = new Map(drift.map((one) => [`${one.account}/${one.region}`, one.differences.join('; ')]))
    const news = drift.filter(
      ({ account, region }) => told.get(`${account}/${region}`) !== now.get(`${account}/${region}`),
    )
    if (news.length > 0) {
      log.error(
        { drift: news },
        'the wiring of the activity feed is not as it was set up; `latchkey aws check` says more',
      )
      const audit = news.map((one) => ({
        kind: 'alarm.wiring-drift' as const,
        actor: LATCHKEY,
        ...one,
        differences: [...one.differences],
      }))
      await record.commit({ records: [], audit })
    }
    told.clear()
    for (const [place, differences] of now) told.set(place, differences)
  })
}
