import { z } from 'zod'

/** The schema of the environment variables. Each message is the expected form, and is printed as `NAME: expected …`. */

export const KEY_FORM = 'at least 32 random bytes as hex or base64url, for example from `openssl rand -hex 32`'
const ORIGIN_FORM = 'an origin without a path, as https://latchkey.example.com'
const PORT_FORM = 'a whole number from 1 to 65535'
const REGION_FORM = 'an AWS region, as eu-central-1'
const DURABILITY_FORM = '`managed` (MemoryDB, or ElastiCache with synchronous durability) or nothing'
const METRICS_FORM = 'at least 16 characters, or nothing (then there is no /metrics)'
const CLOUDTRAIL_FORM =
  '`key@account+account`, several with commas between, each key at least 32 random bytes as hex or base64url, each account 12 digits'
const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const
const APP_TYPE_FORM = '`SingleTenant` or `UserAssignedMSI`'
const URL_FORM = 'an absolute URL'
const SERVICE_URLS_FORM = 'absolute URLs with commas between, as https://smba.trafficmanager.net/teams/'
const MAIL_FORM = 'the address of the mailbox that mails are sent from, or nothing (then none are)'
const REDIS_FORM =
  'redis://host:port, rediss://host:port, the absolute path of a socket, or several URLs with commas between (a cluster)'

/** A key that EventBridge sends with every CloudTrail record, and the accounts for which it is valid. */
export interface CloudTrailKey {
  readonly key: string
  readonly accounts: readonly string[]
}

function isKey(text: string): boolean {
  const hex = /^(?:[0-9a-f]{2})+$/i.test(text)
  const clean = hex || /^[A-Za-z0-9_-]+={0,2}$/.test(text)
  const bytes = Buffer.from(text, hex ? 'hex' : 'base64url').length
  return clean && bytes >= 32
}

function checkKey(text: string, context: z.RefinementCtx): void {
  if (!isKey(text)) context.addIssue({ code: 'custom', message: KEY_FORM })
}

/** Each key is bound to accounts, so that it is no proof for records of other accounts. */
function cloudTrailKeysOf(list: string, context: z.RefinementCtx): readonly CloudTrailKey[] {
  return list.split(',').flatMap((one) => {
    const [key = '', accounts = '', ...more] = one.trim().split('@')
    const ids = accounts.split('+')
    if (isKey(key) && more.length === 0 && ids.every((id) => /^\d{12}$/.test(id))) return [{ key, accounts: ids }]
    context.addIssue({ code: 'custom', message: CLOUDTRAIL_FORM })
    return []
  })
}

function originOf(text: string, context: z.RefinementCtx): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const bare = url?.pathname === '/' && url.search === '' && url.hash === '' && url.username === ''
  if (url === undefined || !bare || !/^https?:$/.test(url.protocol)) {
    context.addIssue({ code: 'custom', message: ORIGIN_FORM })
    return ''
  }
  return url.origin
}

function urlOf(url: string, context: z.RefinementCtx): string {
  if (!isPlainUrl(url)) context.addIssue({ code: 'custom', message: URL_FORM })
  return url
}

function isPlainUrl(url: string): boolean {
  if (!URL.canParse(url)) return false
  const { protocol, username, search, hash } = new URL(url)
  return /^https?:$/.test(protocol) && username === '' && search === '' && hash === ''
}

function serviceUrlsOf(list: string, context: z.RefinementCtx): readonly string[] {
  const urls = list.split(',').map((one) => one.trim())
  if (!urls.every(isPlainUrl)) context.addIssue({ code: 'custom', message: SERVICE_URLS_FORM })
  return urls
}

function text(form: string, pattern: RegExp): z.ZodString {
  return z.string({ error: form }).regex(pattern, form)
}

function guid(what: string): z.ZodString {
  return text(`${what}, a GUID`, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i)
}

const key = z.string({ error: KEY_FORM }).superRefine(checkKey)
/** `current,previous`: during a rotation the previous key is still accepted. */
const keys = z.string().transform((list, context) => {
  const keyList = list.split(',').map((one) => one.trim())
  for (const one of keyList) checkKey(one, context)
  return keyList
})
const origin = z.string({ error: ORIGIN_FORM }).transform(originOf)

export const environmentSchema = z.object({
  LATCHKEY_CONFIG: z.string().default('latchkey.yaml'),
  PORT: z.coerce.number({ error: PORT_FORM }).int(PORT_FORM).min(1, PORT_FORM).max(65_535, PORT_FORM).default(3978),
  HOST: text('an address to listen on, as 0.0.0.0', /^[0-9a-z.:-]+$/i).default('127.0.0.1'),
  PUBLIC_URL: origin,
  REDIS_URL: text(REDIS_FORM, /^(\/.+|rediss?:\/\/[^,\s]+(,rediss?:\/\/[^,\s]+)*)$/),
  REDIS_DURABILITY: z.enum(['managed'], { error: DURABILITY_FORM }).optional(),
  APPROVAL_KEY: key,
  LATCHKEY_SECRET: keys.optional(),
  AUDIT_SIGNING_KEY: z.string().optional(),
  ENTRA_TENANT_ID: guid('the Entra tenant'),
  ENTRA_CLIENT_ID: guid('the client id of the registration for sign-in, Graph and API'),
  ENTRA_CLIENT_SECRET: z.string({ error: 'the client secret of that registration' }),
  ENTRA_CLI_CLIENT_ID: guid('the client id of the registration for the command line'),
  ENTRA_MFA_CONTEXT: text('the id of an authentication context, as c1', /^c([1-9]|[1-9]\d)$/).optional(),
  ENTRA_AUTHORITY: origin.default('https://login.microsoftonline.com'),
  GRAPH_BASE_URL: origin.default('https://graph.microsoft.com'),
  MicrosoftAppId: guid('the client id of the registration for the bot'),
  MicrosoftAppPassword: z.string().optional(),
  MicrosoftAppType: z.enum(['SingleTenant', 'UserAssignedMSI'], { error: APP_TYPE_FORM }).default('SingleTenant'),
  MicrosoftAppTenantId: guid('the tenant of the registration for the bot'),
  BOT_OPENID_METADATA_URL: z
    .string()
    .transform(urlOf)
    .default('https://login.botframework.com/v1/.well-known/openidconfiguration'),
  BOT_LOGIN_URL: origin.default('https://login.microsoftonline.com'),
  // The first one is used to open chats. Teams also calls with other paths of that host, as /emea/ and /amer/.
  BOT_SERVICE_URLS: z
    .string()
    .default('https://smba.trafficmanager.net/teams/,https://smba.trafficmanager.net/')
    .transform(serviceUrlsOf),
  MAIL_SENDER: z.email(MAIL_FORM).optional(),
  AWS_REGION: text(REGION_FORM, /^[a-z]{2}(-[a-z]+)+-\d$/),
  // Absent: AWS's address for the bucket's partition.
  AWS_SIGNIN_URL: z.string().transform(urlOf).optional(),
  CLOUDTRAIL_KEYS: z.string().transform(cloudTrailKeysOf).optional(),
  METRICS_TOKEN: z.string().min(16, METRICS_FORM).optional(),
  LOG_LEVEL: z.enum(LOG_LEVELS, { error: LOG_LEVELS.join(', ') }).default('info'),
  LATCHKEY_SANDBOX: z.enum(['1'], { error: '1 or nothing' }).optional(),
})

export type ParsedEnvironment = z.infer<typeof environmentSchema>
