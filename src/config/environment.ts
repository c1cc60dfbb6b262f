import type { Environment } from './faults.ts'

/** The environment variables that each child process gets: its own AWS identity, and no key that it does not use. */

export type Part = 'web' | 'workers'

/** Variables that only one of the two processes gets. */
const EXCLUSIVE: Readonly<Record<Part, readonly string[]>> = {
  web: ['METRICS_TOKEN', 'LATCHKEY_SECRET', 'CLOUDTRAIL_KEYS'],
  workers: ['AUDIT_SIGNING_KEY'],
}

/** Dropped when a process has `WEB_AWS_…` or `WORKERS_AWS_…` variables, so that two AWS identities are never mixed. */
const SHARED_IDENTITY = [
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_PROFILE',
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'AWS_ROLE_ARN',
]

/** The environment of one child process. `WEB_AWS_…` and `WORKERS_AWS_…` become its `AWS_…`. */
export function partEnvironment(env: Environment, part: Part): Environment {
  const other = part === 'web' ? 'workers' : 'web'
  const prefix = `${part.toUpperCase()}_AWS_`
  const own = Object.entries(env).filter(([name]) => name.startsWith(prefix))
  const dropped = new Set([...EXCLUSIVE[other], ...(own.length > 0 ? SHARED_IDENTITY : [])])
  const shared = Object.entries(env).filter(([name]) => !dropped.has(name) && !/^(WEB|WORKERS)_AWS_/.test(name))
  const identity = own.map(([name, value]) => [`AWS_${name.slice(prefix.length)}`, value] as const)
  return Object.fromEntries([...shared, ...identity, ...ignoreConfiguredEndpoints(env)])
}

/**
 * The environment of an administrator's command: the whole configuration, with the administrator's own AWS credentials.
 */
export function operatorEnvironment(env: Environment): Environment {
  const own = Object.entries(env).filter(([name]) => !/^(WEB|WORKERS)_AWS_/.test(name))
  return Object.fromEntries([...own, ...ignoreConfiguredEndpoints(env)])
}

/**
 * Ignores endpoints in `~/.aws/config`, so that calls reach AWS itself ("Service-specific endpoints", AWS SDKs
 * Reference Guide).
 */
function ignoreConfiguredEndpoints(env: Environment): readonly (readonly [string, string])[] {
  return env.LATCHKEY_SANDBOX === '1' ? [] : [['AWS_IGNORE_CONFIGURED_ENDPOINT_URLS', 'true']]
}

/** Replaces `process.env`, because SDKs read it by themselves. */
export function enterEnvironment(next: Environment): void {
  for (const name of Object.keys(process.env)) if (next[name] === undefined) delete process.env[name]
  Object.assign(process.env, next)
}
