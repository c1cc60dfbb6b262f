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

export interface LookDeps {
  readonly rules: Pick<Rules, 'accounts' | 'buckets'>
  readonly publicUrl: string
  readonly region: string
  readonly record: Pick<RecordPort, 'scores'>
  readonly log: AwsLog
}

/** Of the account that this process is in. It is not told the keys: which one AWS sends is compared by `latchkey aws check`. */
export function feedDriftCheck({ rules, publicUrl, region, record, log }: LookDeps): FeedDriftCheck {
  async function look(place: FeedRegion, isExpected: boolean): Promise<readonly RegionDrift[]> {
    const clients = regionClients(place.region, log)
    const [ours, found] = await Promise.all([readIdentities(clients, place), readWiring(clients)])
    if (isUnwired(found) && !isExpected) return []
    const drift = wiringDrift(desiredState(place, { publicUrl, key: undefined, ours }), found)
    if (drift.length === 0) return []
    return [{ account: place.accountId, region: place.region, differences: drift.map(sayDifference) }]
  }

  return {
    async drift() {
      const { id, partition } = await readAccount(region, log)
      const expected = await listWiredRegions(record)
      const places = feedRegions(rules, id, partition)
      return (await Promise.all(places.map((place) => look(place, expected.has(regionName(place)))))).flat()
    },
  }
}
