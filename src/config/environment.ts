import type { Environment } from './faults.ts'

/** What each process is handed: two AWS identities, and no key that it does not use. */

export type Part = 'web' | 'workers'

const OF_ONE_PART: Readonly<Record<Part, readonly string[]>> = {
  web: ['METRICS_TOKEN', 'LATCHKEY_SECRET', 'CLOUDTRAIL_KEYS'],
  workers: ['AUDIT_SIGNING_KEY'],
}

/** Credentials of one part must not be mixed with a session token or a profile meant for the other. */
const IDENTITY = [
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_PROFILE',
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'AWS_ROLE_ARN',
]

export function partEnvironment(env: Environment, part: Part): Environment {
  const other = part === 'web' ? 'workers' : 'web'
  const prefix = `${part.toUpperCase()}_AWS_`
  const own = Object.entries(env).filter(([name]) => name.startsWith(prefix))
  const dropped = new Set([...OF_ONE_PART[other], ...(own.length > 0 ? IDENTITY : [])])
  const shared = Object.entries(env).filter(([name]) => !dropped.has(name) && !/^(WEB|WORKERS)_AWS_/.test(name))
  const identity = own.map(([name, value]) => [`AWS_${name.slice(prefix.length)}`, value] as const)
  return Object.fromEntries([...shared, ...identity, ...awsItself(env)])
}

/** Of a command that an administrator runs: everything that the service is configured with, and their own AWS credentials. */
export function operatorEnvironment(env: Environment): Environment {
  const own = Object.entries(env).filter(([name]) => !/^(WEB|WORKERS)_AWS_/.test(name))
  return Object.fromEntries([...own, ...awsItself(env)])
}

/** What a profile in `~/.aws/config` says must not lead calls to AWS anywhere else ("Service-specific endpoints", AWS SDKs Reference Guide). */
function awsItself(env: Environment): readonly (readonly [string, string])[] {
  return env.LATCHKEY_SANDBOX === '1' ? [] : [['AWS_IGNORE_CONFIGURED_ENDPOINT_URLS', 'true']]
}

/** SDKs read the environment of the process themselves: it becomes that of the part. */
export function enterEnvironment(next: Environment): void {
  for (const name of Object.keys(process.env)) if (next[name] === undefined) delete process.env[name]
  Object.assign(process.env, next)
}
