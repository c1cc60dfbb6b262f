import type { CloudTrailRecord } from '../src/oversight/cloudtrail-record.ts'
import type { Feed } from '../src/oversight/feed.ts'
import type { Rules } from '../src/rules/rules.ts'

/** A bucket's newest record is noted once in so long: it says that the way works, not how much comes. */
const NOTE_EVERY_MS = 60_000

export interface ProveDeps {
  readonly feed: Pick<Feed, 'prove'>
  readonly rules: Pick<Rules, 'accounts' | 'buckets'>
}

/** Takes what was folded, and notes for which buckets of the rules the way from CloudTrail is proven by it. */
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
