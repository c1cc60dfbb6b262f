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

/** Everything goes to the terminal: a log beside it would say it twice. */
const log = pino({ level: 'silent' })

const REDIS_WITHIN_MS = 5_000

/** One region of the account that the administrator is signed in to. */
export interface Ground {
  readonly place: FeedRegion
  readonly clients: RegionClients
  /** Latchkey's own identities there. */
  readonly ours: readonly string[]
}

export interface Site extends Ground {
  readonly wanted: DesiredState
}

export interface Sites {
  readonly account: Account
  /** The first of CLOUDTRAIL_KEYS for this account; never printed. */
  readonly key: string
  readonly keys: number
  readonly sites: readonly Site[]
}

export async function openGround({
  config,
  rules,
}: Setup): Promise<Pick<Sites, 'account'> & { readonly ground: readonly Ground[] }> {
  const account = await readAccount(config.awsRegion, log)
  const places = feedRegions(rules, account.id, account.partition)
  if (places.length === 0) throw otherAccount(account, [...rules.accounts.values()])
  const ground = await Promise.all(
    places.map(async (place) => {
      const clients = regionClients(place.region, log)
      return { place, clients, ours: await readIdentities(clients, place) }
    }),
  )
  return { account, ground }
}

/** @throws Problem where there is no key for the account */
export async function openSites(service: Setup): Promise<Sites> {
  const { account, ground } = await openGround(service)
  const keys = keysOf(service, account)
  const [key] = keys
  if (key === undefined) throw noKey(account)
  const { publicUrl } = service.config
  const sites = ground.map((one) => ({ ...one, wanted: desiredState(one.place, { publicUrl, key, ours: one.ours }) }))
  return { account, key, keys: keys.length, sites }
}

/** The keys of the feed for that account, the present one first. */
export function keysOf({ config }: Setup, { id }: Account): readonly string[] {
  return (config.cloudTrailKeys ?? []).flatMap(({ key, accounts }) => (accounts.includes(id) ? [key] : []))
}

function otherAccount({ id }: Account, known: readonly { readonly name: string; readonly id: string }[]): Problem {
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

/** The accounts of the rules that somebody signed in here cannot see. */
export function elsewhere({ rules }: Setup, { account }: Pick<Sites, 'account'>): readonly string[] {
  return [...rules.accounts.values()]
    .filter(({ id }) => id !== account.id)
    .map(({ name, id }) => `${name} (${id}): sign in there and run the same command.`)
}

export interface Open {
  readonly feed: Feed
  readonly record: RecordPort
  readonly redis: Connection
}

/** @throws Problem where Redis does not answer: without it nobody can tell what came in. `otherwise`: what goes without it */
export async function openFeed({ config }: Setup, otherwise = ''): Promise<Open> {
  const redis = connect(config.redisUrl, 'request', log)
  if (await untilReady(redis, REDIS_WITHIN_MS)) return { feed: redisFeed(redis), record: redisRecord(redis), redis }
  redis.disconnect()
  throw new Problem(`Redis does not answer. Check REDIS_URL, and that you may reach it from here.${otherwise}`)
}
