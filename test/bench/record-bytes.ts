import type { Redis } from 'ioredis'
import { redisWriteSummaries } from '../../src/redis/write-summaries.ts'
import { startWorld } from '../fixtures/world.ts'
import type { Bench } from './bench.ts'
import { type Life, ONE_APPROVER, openLife, until } from './tools/life.ts'
import { closing } from './tools/processes.ts'
import { formatNumber } from './tools/table.ts'

const MOST_KILOBYTES = 10
const FIRST = 6
const MORE = 18
const AT_ONCE = 3
/** Requesters with their managers. */
const PAIRS = [
  { requester: 'rita', approver: 'max' },
  { requester: 'finn', approver: 'max' },
  { requester: 'nils', approver: 'finn' },
] as const
const AUDIT_EVENTS = 12
const MESSAGES = 4
const S3_WRITES = 20

/** Keys that expire by themselves: of a commit after a minute, of a CloudTrail record some hours after its latest possible arrival. */
const FORGOTTEN = /^\{latchkey\}:(commit:|lease:|seen$)/
/** Latchkey's own keys. All others are BullMQ's, which are bounded and hold nothing of a finished request. */
const OWN = /^\{latchkey\}:(request|grant|copy|deny|due|index|audit|outbox|inbox|digest|unexplained|epoch|budget)(:|$)/

/**
 * Redis memory of one more finished request in the real product: one approver, 4 messages (card and outcome of the requester, card and mail of the approver), 12 audit events, 20 S3 writes.
 * MEMORY USAGE (all samples) of every key of Latchkey after 24 such requests less that after 6, divided by 18, so that the shares of streams and indexes count.
 * The detail compares it with the bytes of their JSON: records, audit events, write summaries.
 */
export const recordBytes: Bench = {
  name: 'record-bytes',
  run: (say) =>
    closing(async (closeLater) => {
      const world = await startWorld({ rules: ONE_APPROVER })
      closeLater(() => world.stop())
      await world.startWorkers()
      const life = openLife(world, world.redis.url)
      closeLater(() => life.close())
      for (const person of ['max', 'rita', 'finn', 'nils']) await world.teams.install(person)
      await liveMany(life, FIRST)
      const before = await weigh(life.cli)
      say(`${FIRST} requests are over`)
      await liveMany(life, MORE)
      const after = await weigh(life.cli)
      const per = (side: keyof Weight) => (after[side] - before[side]) / MORE
      say(await describe(life.cli))
      const ratio = per('memory') / per('json')
      const kilobytes = per('memory') / 1_024
      return {
        value: kilobytes,
        goal: `≤ ${MOST_KILOBYTES} KB`,
        meets: kilobytes <= MOST_KILOBYTES,
        detail: `${formatNumber(ratio)} times its ${formatNumber(per('json') / 1_024)} KB of JSON; ${formatNumber(per('forgotten') / 1_024)} KB more for a day`,
      }
    }),
}

async function liveMany(life: Life, count: number): Promise<void> {
  for (let left = count; left > 0; left -= AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, (_, position) => live(life, position)))
  }
}

async function live(life: Life, position: number): Promise<void> {
  const { requester, approver } = PAIRS[position % PAIRS.length] ?? PAIRS[0]
  const requestId = await life.ask(requester)
  const { copies: messages } = await life.read('request', requestId)
  if (messages.length !== MESSAGES) throw new Error(`The request has ${messages.length} copies.`)
  await until('card and mails are out', () => areDelivered(life, messages, MESSAGES - 1))
  const grantId = await life.approve(approver, requestId)
  await life.untilStatus(grantId, 'active')
  await life.write(grantId, S3_WRITES)
  await until('the outcome is out', () => areDelivered(life, messages, MESSAGES))
  await life.vend(requester, grantId)
  // The end adds two more audit events. Credentials that are still valid are handed out again, which adds none.
  while ((await auditOf(life.cli, requestId)).length < AUDIT_EVENTS - 2) await life.openConsole(requester, grantId)
  await life.done(requester, grantId)
  const events = async () => (await auditOf(life.cli, requestId)).length
  await until(`there are ${AUDIT_EVENTS} audit events`, async () => (await events()) === AUDIT_EVENTS)
}

/** True when this many messages were delivered; their audit events are written by then. */
async function areDelivered(life: Life, ids: readonly string[], count: number): Promise<boolean> {
  const messages = await Promise.all(ids.map((id) => life.read('copy', id)))
  return messages.filter(({ reference }) => reference !== undefined).length === count
}

async function auditOf(cli: Redis, id: string): Promise<readonly string[]> {
  const entries = await cli.xrange('{latchkey}:audit', '-', '+')
  return entries.flatMap(([, [, text = '']]) => (text.includes(`"${id}"`) ? [text] : []))
}

/** The bytes of all keys by name. */
async function describe(cli: Redis): Promise<string> {
  const sums = new Map<string, number>()
  for (const key of await cli.keys('{latchkey}:*')) {
    if (!OWN.test(key)) continue
    const name = key
      .split(':')
      .slice(1, key.includes(':index:') ? 3 : 2)
      .join(' ')
    const name2 = key.endsWith(':last') ? 'last writes' : name
    sums.set(name2, (sums.get(name2) ?? 0) + ((await cli.memory('USAGE', key, 'SAMPLES', 0)) ?? 0))
  }
  const all = [...sums].sort(([, a], [, b]) => b - a)
  return all.map(([name, bytes]) => `${name} ${Math.round(bytes / (FIRST + MORE))}`).join(', ')
}

interface Weight {
  readonly memory: number
  readonly json: number
  readonly forgotten: number
}

async function weigh(cli: Redis): Promise<Weight> {
  const keys = await cli.keys('{latchkey}:*')
  const memoryOf = async (list: readonly string[]) => {
    const sizes = await Promise.all(list.map((key) => cli.memory('USAGE', key, 'SAMPLES', 0)))
    return sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0)
  }
  return {
    memory: await memoryOf(keys.filter((key) => OWN.test(key))),
    json: await jsonBytes(cli, keys),
    forgotten: await memoryOf(keys.filter((key) => FORGOTTEN.test(key) && !key.includes(':commit:'))),
  }
}

async function jsonBytes(cli: Redis, keys: readonly string[]): Promise<number> {
  const records = await Promise.all(
    keys
      .filter((key) => /^\{latchkey\}:(request|grant|copy|deny):[^:]+$/.test(key))
      .map((key) => cli.hget(key, 'json')),
  )
  const audit = await cli.xrange('{latchkey}:audit', '-', '+')
  const digested = keys.flatMap((key) => /^\{latchkey\}:digest:([^:]+)$/.exec(key)?.[1] ?? [])
  const writeSummaries = await redisWriteSummaries(cli).readMany(digested)
  const texts = [
    ...records,
    ...audit.map(([, [, text]]) => text),
    ...writeSummaries.map((digest) => JSON.stringify(digest)),
  ]
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text ?? ''), 0)
}
