import { pino } from 'pino'
import { type Account, readAccount } from '../../aws/feed/account.ts'
import { type DesiredState, desiredState } from '../../aws/feed/desired-state.ts'
import { readIdentities } from '../../aws/feed/latchkey-identities.ts'
import { type RegionClients, regionClients } from '../../aws/region-clients.ts'
import { type FeedRegion, feedRegions } from '../../aws/regions.ts'
import type { Setup } from '../../config.ts'
import type { Feed } from '../../oversight/feed.ts'
import { type Connection, connect, untilReady } from '../../redis/connections.ts'
import { redisFeed } from '../../redis/feed.ts'
import { redisRecord } from '../../redis/redis-record-store.ts'
import type { RecordPort } from '../../store/record-store.ts'
import { Problem } from '../problem.ts'

/** The log is silent, because these commands print to the terminal and a log would repeat it. */
const log = pino({ level: 'silent' })

const REDIS_WITHIN_MS = 5_000

/** One region of the account that the administrator is signed in to. */
export interface OpenRegion {
  readonly feedRegion: FeedRegion
  readonly clients: RegionClients
  /** ARNs of Latchkey's own identities in the account. */
  readonly identities: readonly string[]
}

/** A region and the wiring that setup makes in it. */
export interface Site extends OpenRegion {
  readonly wanted: DesiredState
}

export interface Sites {
  readonly account: Account
  /** The first of CLOUDTRAIL_KEYS for this account; never printed. */
  readonly key: string
  readonly keys: number
  readonly sites: readonly Site[]
}

/** @throws Problem when the rules do not name the account that the administrator is signed in to */
export async function openRegions({
  config,
  rules,
}: Setup): Promise<Pick<Sites, 'account'> & { readonly regions: readonly OpenRegion[] }> {
  const account = await readAccount(config.awsRegion, log)
  const ofAccount = feedRegions(rules, account.id, account.partition)
  if (ofAccount.length === 0) throw unknownAccount(account, [...rules.accounts.values()])
  const regions = await Promise.all(
    ofAccount.map(async (feedRegion) => {
      const clients = regionClients(feedRegion.region, log)
      return { feedRegion, clients, identities: await readIdentities(clients, feedRegion) }
    }),
  )
  return { account, regions }
}

/** @throws Problem when CLOUDTRAIL_KEYS has no key for the account */
export async function openSites(service: Setup): Promise<Sites> {
  const { account, regions } = await openRegions(service)
  const keys = keysOf(service, account)
  const [key] = keys
  if (key === undefined) throw noKey(account)
  const { publicUrl } = service.config
  const sites = regions.map((one) => ({
    ...one,
    wanted: desiredState(one.feedRegion, { publicUrl, key, ours: one.identities }),
  }))
  return { account, key, keys: keys.length, sites }
}

/** The keys of CLOUDTRAIL_KEYS for that account, the current one first. */
export function keysOf({ config }: Setup, { id }: Account): readonly string[] {
  return (config.cloudTrailKeys ?? []).flatMap(({ key, accounts }) => (accounts.includes(id) ? [key] : []))
}

function unknownAccount({ id }: Account, known: readonly { readonly name: string; readonly id: string }[]): Problem {
  const names = known.map((one) => `${one.name} (${one.id})`).join(', ')
  return new Problem(
    `You are signed in to AWS account ${id}, which the rules do not name. Sign in to one of: ${names}.`,
  )
}

function noKey({ id }: Account): Problem {
  return new Problem(
    `CLOUDTRAIL_KEYS has no key for account ${id}. Add \`<key>@${id}\` (a key: \`openssl rand -hex 32\`), restart Latchkey's web part with it, and run this again.`,
  )
}

/** One line for each other account of the rules: it needs a sign-in of its own. */
export function otherAccounts({ rules }: Setup, { account }: Pick<Sites, 'account'>): readonly string[] {
  return [...rules.accounts.values()]
    .filter(({ id }) => id !== account.id)
    .map(({ name, id }) => `${name} (${id}): sign in there and run the same command.`)
}

export interface Open {
  readonly feed: Feed
  readonly record: RecordPort
  readonly redis: Connection
}

/**
 * Connects to Redis, where the service records which events arrived.
 * @param otherwise Added to the sentence: what the operator can do without Redis
 * @throws Problem when Redis does not answer
 */
export async function openFeed({ config }: Setup, otherwise = ''): Promise<Open> {
  const redis = connect(config.redisUrl, 'request', log)
  if (await untilReady(redis, REDIS_WITHIN_MS)) return { feed: redisFeed(redis), record: redisRecord(redis), redis }
  redis.disconnect()
  throw new Problem(`Redis does not answer. Check REDIS_URL, and that you may reach it from here.${otherwise}`)
}
