import { type ConfigFault, type Environment, expected } from './faults.ts'

/**
 * Authentication has no off switch. Tests and the demo use other authorities; these checks allow them only in the
 * sandbox, and real ones only outside it.
 */

/** The addresses of Microsoft and AWS that are accepted outside the sandbox. */
const REAL_ADDRESSES: Readonly<Record<string, readonly string[]>> = {
  ENTRA_AUTHORITY: [
    'https://login.microsoftonline.com',
    'https://login.microsoftonline.us',
    'https://login.partner.microsoftonline.cn',
  ],
  GRAPH_BASE_URL: [
    'https://graph.microsoft.com',
    'https://graph.microsoft.us',
    'https://dod-graph.microsoft.us',
    'https://microsoftgraph.chinacloudapi.cn',
  ],
  BOT_OPENID_METADATA_URL: ['https://login.botframework.com/v1/.well-known/openidconfiguration'],
  BOT_LOGIN_URL: ['https://login.microsoftonline.com'],
  // Listed too, because it receives vended credentials.
  AWS_SIGNIN_URL: [
    'https://signin.aws.amazon.com/federation',
    'https://signin.amazonaws-us-gov.com/federation',
    'https://signin.amazonaws.cn/federation',
  ],
}

/** Origins of Teams and of Teams for governments on the public cloud (GCC). The bot's token is sent to them. */
const TEAMS = ['https://smba.trafficmanager.net', 'https://smba.infra.gcc.teams.microsoft.com']

/**
 * Variables that would make the AWS SDK's default provider chain use other credentials or another endpoint than the
 * sandbox's.
 */
const FORBIDDEN_IN_SANDBOX = [
  'AWS_PROFILE',
  'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
  'AWS_CONTAINER_CREDENTIALS_FULL_URI',
  'AWS_CONTAINER_AUTHORIZATION_TOKEN',
  'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE',
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'AWS_ROLE_ARN',
  'AWS_EC2_METADATA_SERVICE_ENDPOINT',
  'AWS_IGNORE_CONFIGURED_ENDPOINT_URLS',
]

const LITERAL_LOOPBACK = /^(127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[?::1\]?)$/
const LOOPBACK_FORM = 'a literal loopback address (127.0.0.1 or [::1]) while LATCHKEY_SANDBOX=1'

/** Whether the host is a literal loopback address. A name, even `localhost`, may resolve to any address. */
export function isLiteralLoopback(host: string): boolean {
  return LITERAL_LOOPBACK.test(host)
}

function isLoopbackUrl(url: string): boolean {
  return URL.canParse(url) && isLiteralLoopback(new URL(url).hostname)
}

function awsEndpoints(env: Environment): readonly [string, string][] {
  return Object.entries(env).flatMap(([name, url]) => (/AWS_ENDPOINT_URL/.test(name) && url ? [[name, url]] : []))
}

function serviceUrlFaults(env: Environment, isRight: (url: string) => boolean, form: string): readonly ConfigFault[] {
  const urls = env.BOT_SERVICE_URLS?.split(',').map((url) => url.trim()) ?? []
  return urls.every(isRight) ? [] : [expected('BOT_SERVICE_URLS', form)]
}

function isTeams(url: string): boolean {
  return URL.canParse(url) && TEAMS.includes(new URL(url).origin)
}

function outsideFaults(env: Environment): readonly ConfigFault[] {
  const authorities = Object.entries(REAL_ADDRESSES).flatMap(([name, known]) => {
    const url = env[name]?.replace(/\/$/, '')
    return url === undefined || known.includes(url) ? [] : [expected(name, `one of ${known.join(', ')}`)]
  })
  // A host below amazonaws.com proves nothing: other customers' buckets and APIs have such hosts too.
  const endpoints = awsEndpoints(env).map(([name]) => expected(name, 'nothing: AWS is asked where AWS says'))
  const publicUrl = env.PUBLIC_URL?.startsWith('http:') ? [expected('PUBLIC_URL', 'an https origin')] : []
  const teams = serviceUrlFaults(env, isTeams, `URLs below ${TEAMS.join(', ')}`)
  return [...authorities, ...endpoints, ...publicUrl, ...teams]
}

function loopbackFaults(env: Environment): readonly ConfigFault[] {
  const named = ['PUBLIC_URL', 'AWS_ENDPOINT_URL', ...Object.keys(REAL_ADDRESSES)].map(
    (name) => [name, env[name]] as const,
  )
  const urls = [...named, ...awsEndpoints(env).filter(([name]) => name !== 'AWS_ENDPOINT_URL')]
  const faults = urls.flatMap(([name, url]) =>
    url !== undefined && isLoopbackUrl(url) ? [] : [expected(name, LOOPBACK_FORM)],
  )
  if (env.BOT_SERVICE_URLS === undefined) faults.push(expected('BOT_SERVICE_URLS', LOOPBACK_FORM))
  faults.push(...serviceUrlFaults(env, isLoopbackUrl, LOOPBACK_FORM))
  const redis = env.REDIS_URL ?? ''
  const isLocal = redis.startsWith('/') || redis.split(',').every(isLoopbackUrl)
  if (!isLocal) faults.push(expected('REDIS_URL', `the path of a socket, or ${LOOPBACK_FORM}`))
  if (!isLiteralLoopback(env.HOST ?? '127.0.0.1')) faults.push(expected('HOST', LOOPBACK_FORM))
  return faults
}

function identityFaults(env: Environment): readonly ConfigFault[] {
  const forbidden = FORBIDDEN_IN_SANDBOX.flatMap((name) =>
    env[name] === undefined ? [] : [expected(name, 'nothing while LATCHKEY_SANDBOX=1')],
  )
  const production =
    env.NODE_ENV === 'production' ? [expected('NODE_ENV', 'anything but production while LATCHKEY_SANDBOX=1')] : []
  // A managed identity comes from the machine's metadata service, which the sandbox does not provide.
  const managed =
    env.MicrosoftAppType === 'UserAssignedMSI'
      ? [expected('MicrosoftAppType', 'SingleTenant while LATCHKEY_SANDBOX=1')]
      : []
  const keyIds = new Set([
    'AWS_ACCESS_KEY_ID',
    ...Object.keys(env).filter((name) => name.endsWith('AWS_ACCESS_KEY_ID')),
  ])
  const keys = [...keyIds].flatMap((name) =>
    env[name]?.startsWith('SANDBOX')
      ? []
      : [expected(name, 'an access key id that begins with SANDBOX while LATCHKEY_SANDBOX=1')],
  )
  return [...forbidden, ...production, ...managed, ...keys]
}

/** Faults of all addresses and identities, inside or outside the sandbox. */
export function authorityFaults(env: Environment): readonly ConfigFault[] {
  return env.LATCHKEY_SANDBOX === '1' ? [...loopbackFaults(env), ...identityFaults(env)] : outsideFaults(env)
}
