import type { PlaceDrift, WiringLook } from '../../oversight/feed.ts'
import { placeName, wiredPlaces } from '../../oversight/feed-regions.ts'
import type { Rules } from '../../rules/rules.ts'
import type { RecordPort } from '../../store/record-store.ts'
import type { AwsLog } from '../aws-error.ts'
import { wiringDesk } from '../region-clients.ts'
import { type Place, placesOf } from '../regions.ts'
import { readAccount } from './account.ts'
import { isUnwired, readWiring, sayDifference, wiringDrift } from './compare-feed.ts'
import { wantedAt } from './desired-state.ts'
import { readIdentities } from './latchkey-identities.ts'

export interface LookNeeds {
  readonly rules: Pick<Rules, 'accounts' | 'buckets'>
  readonly publicUrl: string
  readonly region: string
  readonly record: Pick<RecordPort, 'scores'>
  readonly log: AwsLog
}

/** Of the account that this process is in. It is not told the keys: which one AWS sends is compared by `latchkey aws check`. */
export function wiringLook({ rules, publicUrl, region, record, log }: LookNeeds): WiringLook {
  async function look(place: Place, isExpected: boolean): Promise<readonly PlaceDrift[]> {
    const desk = wiringDesk(place.region, log)
    const [ours, found] = await Promise.all([readIdentities(desk, place), readWiring(desk)])
    if (isUnwired(found) && !isExpected) return []
    const drift = wiringDrift(wantedAt(place, { publicUrl, key: undefined, ours }), found)
    if (drift.length === 0) return []
    return [{ account: place.accountId, region: place.region, differences: drift.map(sayDifference) }]
  }

  return {
    async drift() {
      const { id, partition } = await readAccount(region, log)
      const expected = await wiredPlaces(record)
      const places = placesOf(rules, id, partition)
      return (await Promise.all(places.map((place) => look(place, expected.has(placeName(place)))))).flat()
    },
  }
}
