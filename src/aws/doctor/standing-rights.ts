import { GetBucketPolicyCommand } from '@aws-sdk/client-s3'
import { askFor, orAbsent, type RegionClients } from '../region-clients.ts'
import type { FeedRegion } from '../regions.ts'
import { isAdministrator, readStatements, writesAllowed } from './policy-reach.ts'
import type { AccountPrincipal } from './principals.ts'

/** A principal that may write to a bucket of the rules without a grant. */
export interface StandingRight {
  readonly bucket: string
  readonly who: string
  readonly actions: readonly string[]
}

export interface StandingRights {
  readonly rights: readonly StandingRight[]
  /** Names of principals that may do everything. */
  readonly administrators: readonly string[]
  /** Names of principals with a policy that could not be read. */
  readonly unread: readonly string[]
}

/** @param principals Those of the account, without elevation roles: their sessions exist only within a grant. */
export function standingRights(principals: readonly AccountPrincipal[], feedRegion: FeedRegion): StandingRights {
  const administrators = principals.filter(({ statements }) => isAdministrator(statements))
  const others = principals.filter((one) => !administrators.includes(one))
  return {
    administrators: administrators.map(({ name }) => name),
    unread: principals.filter(({ isWhole }) => !isWhole).map(({ name }) => name),
    rights: feedRegion.buckets.flatMap((bucket) =>
      others.flatMap(({ name, statements, boundary }) => {
        const arn = `arn:${feedRegion.partition}:s3:::${bucket}`
        const within = boundary === undefined ? undefined : new Set(writesAllowed(boundary, arn))
        const actions = writesAllowed(statements, arn).filter((action) => within?.has(action) ?? true)
        return actions.length === 0 ? [] : [{ bucket, who: name, actions }]
      }),
    ),
  }
}

/** The write access that the buckets' own policies give. */
export async function bucketPolicyRights(
  clients: RegionClients,
  { buckets, partition }: FeedRegion,
): Promise<readonly StandingRight[]> {
  const rights = await Promise.all(
    buckets.map(async (bucket) => {
      const text = await readBucketPolicy(clients, bucket)
      const allows = (readStatements(text) ?? []).filter(({ Effect }) => Effect === 'Allow')
      return allows.flatMap((one): readonly StandingRight[] => {
        const actions = writesAllowed([one], `arn:${partition}:s3:::${bucket}`)
        return actions.length === 0
          ? []
          : [{ bucket, who: `by its bucket policy, ${JSON.stringify(one.Principal)}`, actions }]
      })
    }),
  )
  return rights.flat()
}

async function readBucketPolicy(clients: RegionClients, Bucket: string): Promise<string> {
  const response = await orAbsent(
    askFor(clients, `to show the policy of the bucket ${Bucket}`, () =>
      clients.s3.send(new GetBucketPolicyCommand({ Bucket })),
    ),
  )
  return response?.Policy ?? '{"Statement":[]}'
}
