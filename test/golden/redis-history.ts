import { readCommands } from '../fixtures/append-only-file.ts'

/** Everything that was ever written to a Redis, removed data included: its append-only file, where scripts appear as their writes. */

export interface Write {
  readonly type: 'string' | 'hash' | 'list' | 'set' | 'zset' | 'stream'
  readonly key: string
  /** For hashes and streams the fields and values in turn. For other types the arguments after the key. */
  readonly words: readonly string[]
}

const TYPES: Readonly<Record<string, Write['type']>> = {
  SET: 'string',
  INCR: 'string',
  HSET: 'hash',
  HMSET: 'hash',
  HSETNX: 'hash',
  HINCRBY: 'hash',
  LPUSH: 'list',
  RPUSH: 'list',
  SADD: 'set',
  ZADD: 'zset',
  XADD: 'stream',
}

/** Commands that create no key and no field. */
const OTHERS: ReadonlySet<string> = new Set([
  ...['SELECT', 'MULTI', 'EXEC', 'DEL', 'UNLINK', 'PEXPIRE', 'PEXPIREAT', 'PERSIST', 'HDEL', 'LREM', 'LTRIM', 'LPOP'],
  ...['RPOP', 'LMOVE', 'RPOPLPUSH', 'SREM', 'ZREM', 'ZREMRANGEBYSCORE', 'ZREMRANGEBYRANK', 'ZPOPMIN', 'XGROUP'],
  ...['XACK', 'XDEL', 'XTRIM', 'XSETID', 'XCLAIM'],
])

export async function readWrites(folder: string): Promise<readonly Write[]> {
  return (await readCommands(folder)).flatMap(writeOf)
}

function writeOf([name = '', key = '', ...words]: readonly string[]): readonly Write[] {
  const command = name.toUpperCase()
  const type = TYPES[command]
  if (type !== undefined) return [{ type, key, words: type === 'stream' ? fieldsOf(words) : words }]
  if (OTHERS.has(command)) return []
  throw new Error(`The history of Redis holds ${command}, of which nobody knows what it writes.`)
}

/** The arguments after the entry's id, which follows the options. */
function fieldsOf(words: readonly string[]): readonly string[] {
  return words.slice(words.findIndex((word) => word === '*' || /^\d+-\d+$/.test(word)) + 1)
}
