import type { CloudTrailRecord } from '../src/oversight/cloudtrail-record.ts'
import type { Feed } from '../src/oversight/feed.ts'
import type { Rules } from '../src/rules/rules.ts'

/** Shortest time between two notes for one bucket. A note says that CloudTrail records arrive, not how many. */
const NOTE_EVERY_MS = 60_000

export interface ProveDeps {
  readonly feed: Pick<Feed, 'prove'>
  readonly rules: Pick<Rules, 'accounts' | 'buckets'>
}

/** Notes, from folded CloudTrail records, for which buckets of the rules the feed is proven to work. */
export function feedProver({ feed, rules }: ProveDeps): (records: readonly CloudTrailRecord[]) => Promise<void> {
  const accounts = new Map([...rules.buckets].map(([bucket, { account }]) => [bucket, rules.accounts.get(account)?.id]))
  const notedAt = new Map<string, number>()
  return async (records) => {
    const nowMs = performance.now()
    for (const { source, bucket, account, at } of records) {
      if (bucket === undefined || source !== 's3.amazonaws.com' || accounts.get(bucket) !== account) continue
      if (nowMs - (notedAt.get(bucket) ?? Number.NEGATIVE_INFINITY) < NOTE_EVERY_MS) continue
      await feed.prove(bucket, at)
      notedAt.set(bucket, nowMs)
    }
  }
}
