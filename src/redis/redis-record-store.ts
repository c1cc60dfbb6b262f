import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { RecordKind } from '../store/commit.ts'
import type { Lease, ListOptions, RecordPort, Stored } from '../store/record-store.ts'
import { answered } from './answers.ts'
import { redisTime } from './clock.ts'
import { planCommit, sendCommit } from './commit.ts'
import { type Connection, masters } from './connections.ts'
import { infoNumber, parseInfo } from './info.ts'
import { type Keys, keysUnder, PREFIX } from './keys.ts'
import { readScript, runScript } from './scripts.ts'

const LEASE = readScript('take-lease')
const EPOCH = readScript('take-epoch')
const ROOM_KNOWN_FOR_MS = 2_000
const FULL_AT = 0.7

/** Takes a connection for requests: whoever reads or commits gets an answer or UNAVAILABLE within two seconds. */
export function redisRecord(redis: Connection, { prefix = PREFIX }: { readonly prefix?: string } = {}): RecordPort {
  const keys = keysUnder(prefix)
  return {
    commit: async (change) => sendCommit(redis, planCommit(keys, change, randomUUID()), change),
    read: (kind, id) => answered(read(redis, keys, kind, id)),
    // Sent together without waiting in between; a pipeline would hide the error of a single reply.
    readMany: (kind, ids) => answered(Promise.all(ids.map((id) => read(redis, keys, kind, id)))),
    list: (kind, value, options) => answered(list(redis, keys.index(kind, value), options)),
    scores: (kind, value) => answered(scores(redis, keys.index(kind, value))),
    due: (kind, until, limit) => answered(due(redis, keys.due(kind), until, limit)),
    now: () => answered(redisTime(redis, prefix)),
    lease: (id, milliseconds) => takeLease(redis, keys.lease(id), milliseconds),
    epoch: () => answered(epoch(redis, keys.epoch)),
    hasRoom: cached(ROOM_KNOWN_FOR_MS, () => answered(hasRoom(redis))),
  }
}

/** As `commit.lua` has it. */
const VERSION = /^[1-9]\d{0,14}$/

async function read(redis: Connection, keys: Keys, kind: RecordKind, id: string): Promise<Stored | undefined> {
  const [version, json] = await redis.hmget(keys.record(kind, id), 'version', 'json')
  if (version == null || json == null) return undefined
  return VERSION.test(version) ? { version: Number(version), value: parsed(json) } : { version: 0, value: undefined }
}

/** What is not JSON was not written by us; the caller's schema refuses the bare text. */
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
  const stop = renewALittle(milliseconds / 3, async () => (await ask(milliseconds, 'renew')) === 1)
  return {
    async release() {
      stop()
      await ask(0, 'take')
    },
  }
}

/** A holder that hangs must not keep the others out: in a living process too a lease ends, at the latest after eight times its length. */
const MOST_RENEWALS = 24

/** A renewal that fails is not missed: the lease lapses, and the version of every record decides as it always does. */
function renewALittle(everyMs: number, renew: () => Promise<boolean>): () => void {
  let left = MOST_RENEWALS
  const timer = setInterval(() => {
    left -= 1
    if (left < 0) return clearInterval(timer)
    renew().then(
      (isHeld) => isHeld || clearInterval(timer),
      () => clearInterval(timer),
    )
  }, everyMs)
  timer.unref()
  return () => clearInterval(timer)
}

/** Many processes may start on an empty Redis at once: the first to write decides. */
async function epoch(redis: Connection, key: string): Promise<string> {
  return z.guid().parse(await runScript(redis, EPOCH, [key], [randomUUID()]))
}

async function hasRoom(redis: Connection): Promise<boolean> {
  const infos = await Promise.all(masters(redis).map((master) => master.info('memory')))
  return infos.map(parseInfo).every((info) => {
    const most = infoNumber(info, 'maxmemory')
    return most === 0 || infoNumber(info, 'used_memory') <= FULL_AT * most
  })
}

function cached<T>(milliseconds: number, ask: () => Promise<T>): () => Promise<T> {
  let known: { readonly value: T; readonly at: number } | undefined
  return async () => {
    if (known && performance.now() - known.at < milliseconds) return known.value
    known = { value: await ask(), at: performance.now() }
    return known.value
  }
}
