import type { FeedDriftCheck, RegionDrift } from '../../oversight/feed.ts'
import { listWiredRegions, regionName } from '../../oversight/feed-regions.ts'
import type { Rules } from '../../rules/rules.ts'
import type { RecordPort } from '../../store/record-store.ts'
import type { AwsLog } from '../aws-error.ts'
import { regionClients } from '../region-clients.ts'
import { type FeedRegion, feedRegions } from '../regions.ts'
import { readAccount } from './account.ts'
import { isUnwired, readWiring, sayDifference, wiringDrift } from './compare-feed.ts'
import { desiredState } from './desired-state.ts'
import { readIdentities } from './latchkey-identities.ts'

export interface DriftCheckDeps {
  readonly rules: Pick<Rules, 'accounts' | 'buckets'>
  readonly publicUrl: string
  readonly region: string
  readonly record: Pick<RecordPort, 'scores'>
  readonly log: AwsLog
}

/**
 * Compares the wiring of the account in which this process runs with the rules. It does not know the keys, so only
 * `latchkey aws check` compares which key AWS sends.
 */
export function feedDriftCheck({ rules, publicUrl, region, record, log }: DriftCheckDeps): FeedDriftCheck {
  async function checkRegion(feedRegion: FeedRegion, isExpected: boolean): Promise<readonly RegionDrift[]> {
    const clients = regionClients(feedRegion.region, log)
    const [ours, actual] = await Promise.all([readIdentities(clients, feedRegion), readWiring(clients)])
    if (isUnwired(actual) && !isExpected) return []
    const drift = wiringDrift(desiredState(feedRegion, { publicUrl, key: undefined, ours }), actual)
    if (drift.length === 0) return []
    return [{ account: feedRegion.accountId, region: feedRegion.region, differences: drift.map(sayDifference) }]
  }

  return {
    async drift() {
      const { id, partition } = await readAccount(region, log)
      const expected = await listWiredRegions(record)
      const checks = feedRegions(rules, id, partition).map((feedRegion) =>
        checkRegion(feedRegion, expected.has(regionName(feedRegion))),
      )
      return (await Promise.all(checks)).flat()
    },
  }
}
