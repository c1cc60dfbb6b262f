import { randomUUID } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import type { Grant } from '../../src/grants/grant.ts'
import { cloudTrailRoute } from '../../src/http/cloudtrail.ts'
import { httpMetrics } from '../../src/http/metrics.ts'
import { httpServer } from '../../src/http/server.ts'
import type { Digest } from '../../src/oversight/digest.ts'
import type { Feed as FeedPort } from '../../src/oversight/feed.ts'
import type { RecordPort } from '../../src/record.ts'
import type { Connection } from '../../src/redis/connections.ts'
import { redisDigests } from '../../src/redis/digests.ts'
import { redisFeed } from '../../src/redis/feed.ts'
import { redisFold } from '../../src/redis/fold.ts'
import { redisInbox } from '../../src/redis/inbox.ts'
import { redisRecord } from '../../src/redis/record.ts'
import { parseRules } from '../../src/rules/rules-file.ts'
import { foldS3Writes } from '../../workers/fold-s3-writes.ts'
import type { Loop } from '../../workers/loop.ts'
import { feedProver } from '../../workers/prove-feed.ts'
import { RULES } from '../sandbox/world.ts'
import { someGrant, someTerms } from '../unit/grants/a-grant.ts'
import { someEvent } from '../unit/oversight/a-record.ts'
import { eventOf, type Ground, ground, newId, until } from './record-ground.ts'

/** The feed from its door to the digest, in this process, on a real Redis. */

const ACCOUNT = '111122223333'
const KEY = 'c1'.repeat(32)
const PREVIOUS_KEY = 'c2'.repeat(32)
const OTHER_KEY = 'c3'.repeat(32)
export const KEYS = { current: KEY, previous: PREVIOUS_KEY, ofAnotherAccount: OTHER_KEY }

export interface Feed {
  readonly here: Ground
  readonly redis: Connection
  readonly proofs: FeedPort
  readonly record: RecordPort
  readonly app: FastifyInstance
  post(event: object | string, headers?: Readonly<Record<string, string>>): Promise<{ status: number; retry: unknown }>
  /** An active grant in the record. */
  grant(changes?: Partial<Grant>): Promise<Grant>
  startFold(): Promise<Loop>
  digest(grantId: string): Promise<Digest>
  unexplained(): Promise<readonly Readonly<Record<string, unknown>>[]>
  /** When nothing waits any more. */
  untilFolded(): Promise<void>
  close(): Promise<void>
}

export async function openFeed(name: string, url?: string): Promise<Feed> {
  const here = ground(name, url)
  const { prefix, log } = here
  const redis = await here.open('request')
  const record = redisRecord(redis, { prefix })
  const digests = redisDigests(redis, { prefix })
  const app = httpServer({ log, publicUrl: 'http://127.0.0.1:3978' })
  const keys = [
    { key: KEY, accounts: [ACCOUNT, '222233334444'] },
    { key: PREVIOUS_KEY, accounts: [ACCOUNT] },
    { key: OTHER_KEY, accounts: ['999988887777'] },
  ]
  const feed = redisFeed(redis, { prefix })
  cloudTrailRoute(app, { inbox: redisInbox(redis, { prefix }), feed, record, keys, metrics: httpMetrics() })
  await app.ready()
  const loops: Loop[] = []

  async function startFold(): Promise<Loop> {
    const reading = await here.open('worker')
    const loop = foldS3Writes({
      record,
      inbox: redisFold(reading, redis, { prefix, log, claimAfterMs: 50, gatherMs: 50 }),
      prove: feedProver({ feed, rules: parseRules(RULES) }),
      log,
    })
    loops.push(loop)
    return loop
  }

  return {
    here,
    redis,
    proofs: feed,
    record,
    app,
    async post(event, headers = { 'x-latchkey-key': KEY }) {
      const payload = typeof event === 'string' ? event : JSON.stringify(event)
      const type = { 'content-type': 'application/json; charset=utf-8' }
      const answer = await app.inject({
        method: 'POST',
        url: '/api/cloudtrail',
        headers: { ...type, ...headers },
        payload,
      })
      return { status: answer.statusCode, retry: answer.headers['retry-after'] }
    },
    grant: (changes) => storeGrant(record, changes),
    startFold,
    digest: async (grantId) => {
      const [digest] = await digests.readMany([grantId])
      if (digest === undefined) throw new Error('no digest')
      return digest
    },
    async unexplained() {
      const entries = await redis.xrange(`${prefix}:audit`, '-', '+')
      const events: Record<string, unknown>[] = entries.map(([, [, text = '']]) => JSON.parse(text))
      return events.filter(({ kind }) => kind === 'write.unexplained')
    },
    untilFolded: () =>
      until(
        async () => (await redis.xlen(`${prefix}:inbox`)) === 0 && (await redis.exists(`${prefix}:unexplained`)) === 0,
      ),
    async close() {
      await Promise.all(loops.map((loop) => loop.stop()))
      await app.close()
      here.close()
    },
  }
}

async function storeGrant(record: RecordPort, changes: Partial<Grant> = {}): Promise<Grant> {
  const id = newId()
  const nowMs = await record.now()
  const iso = (ms: number) => new Date(ms).toISOString()
  const times = { activatedAt: iso(nowMs - 60_000), endsAt: iso(nowMs + 3_600_000) }
  const grant = someGrant({ status: 'active', terms: someTerms({ grantId: id }), ...times, ...changes })
  await record.commit({
    records: [{ kind: 'grant', id, expectedVersion: 0, next: grant }],
    audit: [eventOf()],
  })
  return grant
}

/** A write with that grant, now. */
export function writeBy(grant: Pick<Grant, 'id'>, changes: object = {}, around: object = {}) {
  const userIdentity = { type: 'AssumedRole', principalId: `AROAEXAMPLE:${grant.id}` }
  const eventTime = `${new Date().toISOString().slice(0, 19)}Z`
  return someEvent({ userIdentity, eventTime, eventID: randomUUID(), ...changes }, around)
}
