import type { Logger } from 'pino'
import { LATCHKEY } from '../src/audit/events.ts'
import type { FeedDriftCheck } from '../src/oversight/feed.ts'
import { LIVE } from '../src/store/indexes.ts'
import type { RecordPort } from '../src/store/record-store.ts'
import { withLease } from '../src/store/with-lease.ts'
import { type Loop, startLoop } from './loop.ts'

const CHECK_EVERY_MS = 15 * 60_000
const LEASE_MS = 60_000

export interface WatchDeps {
  readonly record: RecordPort
  readonly look: FeedDriftCheck
  readonly log: Logger
}

/** Checks, while any grant is live, that the CloudTrail feed is still set up as the rules ask. */
export function watchFeed(deps: WatchDeps): Loop {
  const reported = new Map<string, string>()
  return startLoop({
    name: 'watch-wiring',
    turn: () => checkFeedDrift(deps, reported),
    pauseMs: CHECK_EVERY_MS,
    log: deps.log,
  })
}

/** @param reported The drift that was reported already; the key is account and region. It is not reported again unchanged. */
export async function checkFeedDrift({ record, look, log }: WatchDeps, reported: Map<string, string>): Promise<void> {
  if ((await record.list(LIVE.kind, LIVE.value, { limit: 1 })).length === 0) return
  await withLease(record, 'watch-wiring', LEASE_MS, async () => {
    const drift = await look.drift()
    const found = new Map(drift.map((one) => [`${one.account}/${one.region}`, one.differences.join('; ')]))
    const unreported = drift.filter(
      ({ account, region }) => reported.get(`${account}/${region}`) !== found.get(`${account}/${region}`),
    )
    if (unreported.length > 0) {
      log.error(
        { drift: unreported },
        'the CloudTrail feed differs from what was set up; `latchkey aws check` shows how',
      )
      const audit = unreported.map((one) => ({
        kind: 'alarm.wiring-drift' as const,
        actor: LATCHKEY,
        ...one,
        differences: [...one.differences],
      }))
      await record.commit({ records: [], audit })
    }
    reported.clear()
    for (const [place, differences] of found) reported.set(place, differences)
  })
}
