import { elevationRoles } from '../rules/principal-rules.ts'
import type { Rules } from '../rules/rules.ts'

/** One region of one account from which CloudTrail records must reach Latchkey. */
export interface FeedRegion {
  readonly accountName: string
  readonly accountId: string
  readonly region: string
  /** Names of the rules' buckets in this region. Empty for IAM's region when it has none. */
  readonly buckets: readonly string[]
  /** ARNs of the account's elevation roles and their replicas. */
  readonly elevationRoles: readonly string[]
  /** `aws`, `aws-us-gov`, `aws-cn`. */
  readonly partition: string
  /** Whether CloudTrail records of IAM appear in this region. There is one such region in a partition. */
  readonly isOfIam: boolean
}

const IAM_REGIONS: Readonly<Record<string, string>> = { 'aws-us-gov': 'us-gov-west-1', 'aws-cn': 'cn-north-1' }

/** The regions of one account: each that has a bucket in the rules, and the region of IAM. */
export function feedRegions(
  { accounts, buckets }: Pick<Rules, 'accounts' | 'buckets'>,
  accountId: string,
  partition: string,
): readonly FeedRegion[] {
  const account = [...accounts.values()].find(({ id }) => id === accountId)
  if (account === undefined) return []
  const own = [...buckets.values()].filter((bucket) => bucket.account === account.name)
  const ofIam = IAM_REGIONS[partition] ?? 'us-east-1'
  const regions = [...new Set([...own.map(({ region }) => region), ofIam])]
  return regions.map((region) => ({
    accountName: account.name,
    accountId,
    region,
    buckets: own.filter((bucket) => bucket.region === region).map(({ bucket }) => bucket),
    elevationRoles: elevationRoles(account).map((path) => `arn:${partition}:iam::${accountId}:role/${path}`),
    partition,
    isOfIam: region === ofIam,
  }))
}
