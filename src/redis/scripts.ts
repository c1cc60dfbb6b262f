import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PACKAGE_ROOT } from '../package-root.ts'
import type { Connection } from './connections.ts'
import { replyCode } from './redis-errors.ts'

export interface Script {
  readonly text: string
  readonly sha: string
}

type Name = 'append' | 'commit' | 'take-epoch' | 'take-lease' | 'fold-writes' | 'spend-budget'

/** Reads Lua files and joins them to one script, in the order of the names. */
export function readScript(...names: readonly Name[]): Script {
  const folder = join(PACKAGE_ROOT, 'src', 'redis')
  return script(names.map((name) => readFileSync(join(folder, `${name}.lua`), 'utf8')).join(''))
}

export function script(text: string): Script {
  return { text, sha: createHash('sha1').update(text).digest('hex') }
}

/**
 * Runs a script in one round trip. The first call after a restart of Redis takes one more, since Redis lost the script.
 */
export async function runScript(
  redis: Connection,
  { text, sha }: Script,
  keys: readonly string[],
  args: readonly string[],
): Promise<unknown> {
  try {
    return await redis.evalsha(sha, keys.length, ...keys, ...args)
  } catch (error) {
    if (replyCode(error) !== 'NOSCRIPT') throw error
    return redis.eval(text, keys.length, ...keys, ...args)
  }
}
