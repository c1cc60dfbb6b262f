import type { Logger } from 'pino'
import { LATCHKEY } from '../src/audit/events.ts'
import type { WiringLook } from '../src/oversight/feed.ts'
import { LIVE } from '../src/store/indexes.ts'
import type { RecordPort } from '../src/store/record-store.ts'
import { type Loop, startLoop } from './loop.ts'

const LOOK_EVERY_MS = 15 * 60_000
const LEASE_MS = 60_000

export interface WatchNeeds {
  readonly record: RecordPort
  readonly look: WiringLook
  readonly log: Logger
}

/** While a grant is live: whether what is written will be seen. */
export function watchWiring(needs: WatchNeeds): Loop {
  const told = new Map<string, string>()
  return startLoop({
    name: 'watch-wiring',
    turn: () => lookAtWiring(needs, told),
    pauseMs: LOOK_EVERY_MS,
    log: needs.log,
  })
}

/** @param told What was told of each place, so that it is not told again while it stays. */
export async function lookAtWiring({ record, look, log }: WatchNeeds, told: Map<string, string>): Promise<void> {
  if ((await record.list(LIVE.kind, LIVE.value, { limit: 1 })).length === 0) return
  const lease = await record.lease('watch-wiring', LEASE_MS)
  if (!lease) return
  try {
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
  } finally {
    await lease.release()
  }
}
