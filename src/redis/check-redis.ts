import { redisTime } from './clock.ts'
import { type Connection, masters, untilReady } from './connections.ts'
import { type Info, infoNumber, parseInfo } from './info.ts'
import { PREFIX } from './keys.ts'

const MAX_SKEW_MS = 2_000
const MANAGED =
  'If AWS keeps every write for you (MemoryDB, ElastiCache with synchronous durability), set REDIS_DURABILITY=managed.'

/** Sentences for the operator, each with the next step. */
export interface Preflight {
  /** If there is one, Latchkey must not start. */
  readonly refusals: readonly string[]
  readonly warnings: readonly string[]
}

/** Facts about one Redis server. */
export interface Findings {
  readonly info: Info
  /** Undefined: CONFIG is forbidden there. */
  readonly appendfsync: string | undefined
  /** REDIS_DURABILITY=managed: the operator says that AWS keeps every acknowledged write. */
  readonly managed: boolean
}

interface PreflightOptions {
  readonly prefix?: string
  /** REDIS_DURABILITY */
  readonly durability?: 'managed' | undefined
  readonly answerWithinMs?: number
}

/**
 * Checks whether this Redis can hold the record: version, role, eviction, durability, and the difference of the clocks.
 */
export async function preflight(
  redis: Connection,
  { prefix = PREFIX, durability, answerWithinMs = 10_000 }: PreflightOptions = {},
): Promise<Preflight> {
  if (!(await untilReady(redis, answerWithinMs))) {
    return {
      refusals: ['Redis does not answer. Check REDIS_URL, and that Redis runs and may be reached.'],
      warnings: [],
    }
  }
  const managed = durability === 'managed'
  const verdicts = await Promise.all(
    masters(redis).map(async (master) => {
      const info = parseInfo(await master.info())
      return judge({ info, managed, appendfsync: await appendfsync(master) })
    }),
  )
  const refusals = [...verdicts.flatMap((each) => each.refusals), ...judgeSkew(await skewMs(redis, prefix))]
  return { refusals: [...new Set(refusals)], warnings: [...new Set(verdicts.flatMap((each) => each.warnings))] }
}

export function judge({ info, appendfsync, managed }: Findings): Preflight {
  const refusals: string[] = []
  const warnings: string[] = []
  if (!isNewEnough(info.get('redis_version') ?? '')) {
    refusals.push(`Redis ${info.get('redis_version')} is too old. Use Redis 6.2 or newer, or Valkey.`)
  }
  if (info.get('role') !== 'master') {
    refusals.push('This Redis is a replica. Point REDIS_URL to the primary.')
  }
  if (info.get('maxmemory_policy') !== 'noeviction') {
    refusals.push(
      `This Redis throws data away when it is full (maxmemory-policy ${info.get('maxmemory_policy')}). Set maxmemory-policy noeviction.`,
    )
  }
  if (!managed && info.get('aof_enabled') !== '1') {
    refusals.push(`This Redis keeps no append-only file and forgets on a restart. Set appendonly yes. ${MANAGED}`)
  }
  if (!managed && appendfsync === undefined) {
    warnings.push(`Redis does not tell its appendfsync. Make sure that it is always. ${MANAGED}`)
  }
  if (!managed && appendfsync !== undefined && appendfsync !== 'always') {
    warnings.push(`With appendfsync ${appendfsync}, a power cut loses acknowledged writes. Set appendfsync always.`)
  }
  if (infoNumber(info, 'maxmemory') === 0) {
    warnings.push('This Redis has no maxmemory: a flood could fill the machine. Set maxmemory.')
  }
  return { refusals, warnings }
}

function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > 6 || (major === 6 && minor >= 2)
}

/**
 * Refuses clocks that differ by more than 2 s. Due times follow Redis's clock but BullMQ's delays follow the worker's,
 * so jobs would run early or late.
 */
export function judgeSkew(milliseconds: number): readonly string[] {
  if (Math.abs(milliseconds) <= MAX_SKEW_MS) return []
  const seconds = Math.round(Math.abs(milliseconds) / 1_000)
  return [`The clock of this machine and that of Redis are ${seconds} seconds apart. Set both by NTP.`]
}

/** The smallest possible difference of the clocks: Redis's time came somewhere between question and answer. */
async function skewMs(redis: Connection, prefix: string): Promise<number> {
  const before = Date.now()
  const redisMs = await redisTime(redis, prefix)
  const after = Date.now()
  if (redisMs < before) return redisMs - before
  return Math.max(0, redisMs - after)
}

async function appendfsync(redis: { config(get: 'GET', name: string): Promise<unknown> }): Promise<string | undefined> {
  try {
    const reply = await redis.config('GET', 'appendfsync')
    return Array.isArray(reply) && typeof reply[1] === 'string' ? reply[1] : undefined
  } catch {
    // CONFIG is forbidden by AWS or by an access list. `judge` warns about it.
    return undefined
  }
}
