import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { RecordKind } from '../store/commit.ts'
import type { Lease, ListOptions, RecordPort, Stored } from '../store/record-store.ts'
import { redisTime } from './clock.ts'
import { planCommit, sendCommit } from './commit.ts'
import { type Connection, masters } from './connections.ts'
import { infoNumber, parseInfo } from './info.ts'
import { type Keys, keysUnder, PREFIX } from './keys.ts'
import { answered } from './redis-errors.ts'
import { readScript, runScript } from './scripts.ts'

const LEASE = readScript('take-lease')
const EPOCH = readScript('take-epoch')
const ROOM_CACHE_MS = 2_000
/** Share of `maxmemory` above which Latchkey takes no new requests. */
const FULL_AT = 0.7

/**
 * The record in Redis. Every call answers or throws UNAVAILABLE within two seconds.
 * @param redis A connection for requests.
 */
export function redisRecord(redis: Connection, { prefix = PREFIX }: { readonly prefix?: string } = {}): RecordPort {
  const keys = keysUnder(prefix)
  return {
    commit: async (change) => sendCommit(redis, planCommit(keys, change, randomUUID()), change),
    read: (kind, id) => answered(read(redis, keys, kind, id)),
    // Promise.all sends all reads in one round trip. A pipeline would hide the error of a single reply.
    readMany: (kind, ids) => answered(Promise.all(ids.map((id) => read(redis, keys, kind, id)))),
    list: (kind, value, options) => answered(list(redis, keys.index(kind, value), options)),
    scores: (kind, value) => answered(scores(redis, keys.index(kind, value))),
    due: (kind, until, limit) => answered(due(redis, keys.due(kind), until, limit)),
    now: () => answered(redisTime(redis, prefix)),
    lease: (id, milliseconds) => takeLease(redis, keys.lease(id), milliseconds),
    epoch: () => answered(epoch(redis, keys.epoch)),
    hasRoom: cached(ROOM_CACHE_MS, () => answered(hasRoom(redis))),
  }
}

/** The versions that `commit.lua` writes. */
const VERSION = /^[1-9]\d{0,14}$/

async function read(redis: Connection, keys: Keys, kind: RecordKind, id: string): Promise<Stored | undefined> {
  const [version, json] = await redis.hmget(keys.record(kind, id), 'version', 'json')
  if (version == null || json == null) return undefined
  return VERSION.test(version) ? { version: Number(version), value: parsed(json) } : { version: 0, value: undefined }
}

/** The parsed value. A text that is not JSON is returned as it is, and the caller's schema refuses it. */
function parsed(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return json
  }
}

function list(redis: Connection, key: string, options: ListOptions): Promise<readonly string[]> {
  const from = options.from ?? '-inf'
  const to = options.to ?? '+inf'
  return options.newestFirst
    ? redis.zrevrangebyscore(key, to, from, 'LIMIT', 0, options.limit)
    : redis.zrangebyscore(key, from, to, 'LIMIT', 0, options.limit)
}

const scored = z.array(z.string())

async function due(redis: Connection, key: string, until: number, limit: number) {
  return entries(await redis.zrangebyscore(key, '-inf', until, 'WITHSCORES', 'LIMIT', 0, limit))
}

async function scores(redis: Connection, key: string): Promise<ReadonlyMap<string, number>> {
  return new Map(entries(await redis.zrangebyscore(key, '-inf', '+inf', 'WITHSCORES')).map(({ id, at }) => [id, at]))
}

function entries(reply: unknown) {
  const flat = scored.parse(reply)
  return flat.flatMap((id, position) => (position % 2 === 0 ? [{ id, at: Number(flat[position + 1]) }] : []))
}

async function takeLease(redis: Connection, key: string, milliseconds: number): Promise<Lease | undefined> {
  if (!Number.isInteger(milliseconds) || milliseconds < 1) throw new Error('A lease is for whole milliseconds.')
  const token = randomUUID()
  const ask = (forMs: number, how: 'take' | 'renew') =>
    answered(runScript(redis, LEASE, [key], [token, String(forMs), how]))
  if ((await ask(milliseconds, 'take')) !== 1) return undefined
  const stop = keepRenewing(milliseconds / 3, async () => (await ask(milliseconds, 'renew')) === 1)
  return {
    async release() {
      stop()
      await ask(0, 'take')
    },
  }
}

/**
 * Limits a lease whose process hangs but still renews it. Renewals come every third of the lease's length, so it ends
 * after about eight lengths.
 */
const MAX_RENEWALS = 24

/**
 * Renews a lease in the background; the result stops it. A failed renewal is ignored: the lease then expires, and the
 * versions of records still prevent conflicting writes.
 */
function keepRenewing(everyMs: number, renew: () => Promise<boolean>): () => void {
  let remaining = MAX_RENEWALS
  const timer = setInterval(() => {
    remaining -= 1
    if (remaining < 0) return clearInterval(timer)
    renew().then(
      (isHeld) => isHeld || clearInterval(timer),
      () => clearInterval(timer),
    )
  }, everyMs)
  timer.unref()
  return () => clearInterval(timer)
}

/** The stored epoch. If there is none, the script stores a new one; of several processes the first one wins. */
async function epoch(redis: Connection, key: string): Promise<string> {
  return z.guid().parse(await runScript(redis, EPOCH, [key], [randomUUID()]))
}

async function hasRoom(redis: Connection): Promise<boolean> {
  const infos = await Promise.all(masters(redis).map((master) => master.info('memory')))
  return infos.map(parseInfo).every((info) => {
    const maxMemory = infoNumber(info, 'maxmemory')
    return maxMemory === 0 || infoNumber(info, 'used_memory') <= FULL_AT * maxMemory
  })
}

function cached<T>(milliseconds: number, ask: () => Promise<T>): () => Promise<T> {
  let last: { readonly value: T; readonly at: number } | undefined
  return async () => {
    if (last && performance.now() - last.at < milliseconds) return last.value
    last = { value: await ask(), at: performance.now() }
    return last.value
  }
}
