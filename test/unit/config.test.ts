import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { partEnvironment } from '../../src/config/environment.ts'
import { ConfigFaults } from '../../src/config/faults.ts'
import { checkSetup, readSetup } from '../../src/config.ts'
import { RULES } from '../fixtures/world.ts'

const TENANT = '5d1c8e0a-3b7f-4c69-8a21-6e94f0b7d312'
const [API, CLI, BOT] = [1, 2, 3].map((digit) => TENANT.replace(/^5/, String(digit))) as [string, string, string]
const KEY = 'a1'.repeat(32)
const SECRET = 'not-for-any-log'

let folder: string
let production: Readonly<Record<string, string>>
let sandbox: Readonly<Record<string, string>>

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-config-'))
  writeFileSync(join(folder, 'latchkey.yaml'), RULES)
  production = {
    LATCHKEY_CONFIG: join(folder, 'latchkey.yaml'),
    PUBLIC_URL: 'https://latchkey.example.com',
    REDIS_URL: 'rediss://redis.example.com:6379',
    APPROVAL_KEY: KEY,
    ENTRA_TENANT_ID: TENANT,
    ENTRA_CLIENT_ID: API,
    ENTRA_CLIENT_SECRET: SECRET,
    ENTRA_CLI_CLIENT_ID: CLI,
    LATCHKEY_SECRET: 'd4'.repeat(32),
    MicrosoftAppId: BOT,
    MicrosoftAppPassword: SECRET,
    MicrosoftAppTenantId: TENANT,
    AWS_REGION: 'eu-west-1',
    NODE_ENV: 'production',
  }
  sandbox = {
    ...production,
    LATCHKEY_SANDBOX: '1',
    NODE_ENV: 'test',
    HOST: '127.0.0.1',
    PUBLIC_URL: 'http://127.0.0.1:3978',
    REDIS_URL: '/run/latchkey/redis.sock',
    ENTRA_AUTHORITY: 'https://127.0.0.1:8443',
    GRAPH_BASE_URL: 'https://[::1]:8443',
    BOT_OPENID_METADATA_URL: 'http://127.0.0.1:8444/v1/.well-known/openidconfiguration',
    BOT_LOGIN_URL: 'https://127.0.0.1:8445',
    BOT_SERVICE_URLS: 'http://127.0.0.1:8444/teams/',
    AWS_ENDPOINT_URL: 'http://127.0.0.1:9000',
    AWS_SIGNIN_URL: 'http://127.0.0.1:9000/federation',
    AWS_ACCESS_KEY_ID: 'SANDBOXAKIA1',
    AWS_SECRET_ACCESS_KEY: SECRET,
  }
})

afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

function without(env: Readonly<Record<string, string>>, name: string): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(env).filter(([key]) => key !== name))
}

/** The names of the faulty variables; empty when Latchkey would start. */
function namesAtFault(env: Readonly<Record<string, string>>): readonly string[] {
  try {
    readSetup(env, 'web')
    return []
  } catch (error) {
    if (!(error instanceof ConfigFaults)) throw error
    expect(error.message).not.toContain(SECRET)
    return [...new Set(error.faults.map(({ name }) => name))]
  }
}

test('a right configuration is read, with its rules', () => {
  const { config, rules } = readSetup(production, 'web')
  expect(config).toMatchObject({ port: 3978, host: '127.0.0.1', sandbox: false, logLevel: 'info' })
  expect(config.entra.authority).toBe('https://login.microsoftonline.com')
  expect(rules.entitlements).toHaveLength(1)
  expect(readSetup(sandbox, 'web').config.sandbox).toBe(true)
})

describe('each fault is named by its variable', () => {
  test.each([
    ['LATCHKEY_CONFIG', '/nowhere/latchkey.yaml'],
    ['PORT', '0'],
    ['PORT', '70000'],
    ['PORT', 'http'],
    ['PUBLIC_URL', undefined],
    ['PUBLIC_URL', 'latchkey.example.com'],
    ['PUBLIC_URL', 'https://latchkey.example.com/path'],
    ['PUBLIC_URL', 'http://latchkey.example.com'],
    ['REDIS_URL', undefined],
    ['REDIS_URL', 'memcached://x'],
    ['REDIS_DURABILITY', 'yes'],
    ['APPROVAL_KEY', undefined],
    ['APPROVAL_KEY', 'a1'.repeat(31)],
    ['APPROVAL_KEY', 'correct horse battery staple correct horse'],
    ['ENTRA_TENANT_ID', 'common'],
    ['ENTRA_CLIENT_ID', undefined],
    ['ENTRA_CLIENT_SECRET', undefined],
    ['ENTRA_CLI_CLIENT_ID', 'cli'],
    ['ENTRA_MFA_CONTEXT', 'mfa'],
    ['AWS_REGION', undefined],
    ['METRICS_TOKEN', 'short'],
    ['LOG_LEVEL', 'loud'],
    ['CLOUDTRAIL_KEYS', 'c1'.repeat(32)],
    ['CLOUDTRAIL_KEYS', `${'c1'.repeat(32)}@prod`],
    ['CLOUDTRAIL_KEYS', `${'c1'.repeat(31)}@111122223333`],
    ['CLOUDTRAIL_KEYS', `${'c1'.repeat(32)}@111122223333+`],
    ['CLOUDTRAIL_KEYS', `${'c1'.repeat(32)}@111122223333@444455556666`],
    ['CLOUDTRAIL_KEYS', `${KEY}@111122223333`],
    ['CLOUDTRAIL_KEYS', `${'c1'.repeat(32)}@111122223333,${'c1'.repeat(32)}@444455556666`],
    ['LATCHKEY_SANDBOX', 'true'],
    ['LATCHKEY_SECRET', KEY],
    ['LATCHKEY_SECRET', 'short'],
    ['LATCHKEY_SECRET', undefined],
    ['LATCHKEY_SECRET', `${'d4'.repeat(32)},short`],
    ['ENTRA_CLI_CLIENT_ID', API],
    ['MicrosoftAppId', undefined],
    ['MicrosoftAppId', API.toUpperCase()],
    ['MicrosoftAppId', CLI],
    ['MicrosoftAppPassword', undefined],
    ['MicrosoftAppType', 'MultiTenant'],
    ['MicrosoftAppType', 'SingleTennant'],
    ['MicrosoftAppTenantId', undefined],
    ['BOT_OPENID_METADATA_URL', 'https://login.botframework.com.example.com/v1/.well-known/openidconfiguration'],
    ['BOT_OPENID_METADATA_URL', 'http://127.0.0.1:8444/v1/.well-known/openidconfiguration'],
    ['BOT_LOGIN_URL', 'https://login.example.com'],
    ['AWS_SIGNIN_URL', 'https://signin.aws.amazon.com.example.com/federation'],
    ['AWS_SIGNIN_URL', 'http://signin.aws.amazon.com/federation'],
    ['BOT_SERVICE_URLS', 'https://smba.trafficmanager.net.example.com/teams/'],
    ['BOT_SERVICE_URLS', 'https://smba.trafficmanager.net/teams/,https://127.0.0.1:8444/'],
    ['BOT_SERVICE_URLS', 'http://smba.trafficmanager.net/teams/'],
    ['BOT_SERVICE_URLS', 'teams'],
    ['MAIL_SENDER', 'latchkey'],
    ['NODE_TLS_REJECT_UNAUTHORIZED', '0'],
    ['ENTRA_AUTHORITY', 'https://login.example.com'],
    ['ENTRA_AUTHORITY', 'https://127.0.0.1:8443'],
    ['GRAPH_BASE_URL', 'https://graph.microsoft.com.example.com'],
    ['AWS_ENDPOINT_URL', 'https://aws.example.com'],
    ['AWS_ENDPOINT_URL_STS', 'http://sts.eu-west-1.amazonaws.com'],
    ['AWS_ENDPOINT_URL_STS', 'https://bucket-of-a-stranger.s3.eu-west-1.amazonaws.com'],
  ])('%s = %s', (name, value) => {
    const env = without(production, name)
    expect(namesAtFault(value === undefined ? env : { ...env, [name]: value })).toEqual([name])
  })
})

test('every fault of environment and rules file comes at once', () => {
  const path = join(folder, 'faulty.yaml')
  writeFileSync(path, 'version: 2\nentitlements: []\n...\n')
  const names = namesAtFault({ LATCHKEY_CONFIG: path, PORT: 'x' })
  expect(names).toEqual(expect.arrayContaining(['PORT', 'PUBLIC_URL', 'REDIS_URL', 'APPROVAL_KEY', 'AWS_REGION']))
  expect(names.filter((name) => name.startsWith(`${path}:`)).length).toBeGreaterThan(1)
})

test('rules that want a second factor want to know how Entra demands one', () => {
  const path = join(folder, 'second-factor.yaml')
  writeFileSync(path, RULES.replace('    duration:', '    conditions: {mfa: true}\n    duration:'))
  const env = { ...production, LATCHKEY_CONFIG: path }
  expect(namesAtFault(env)).toEqual(['ENTRA_MFA_CONTEXT'])
  expect(namesAtFault({ ...env, ENTRA_MFA_CONTEXT: 'c1' })).toEqual([])
})

test('an empty variable is an unset one', () => {
  expect(namesAtFault({ ...production, METRICS_TOKEN: '', REDIS_DURABILITY: ' ' })).toEqual([])
  expect(namesAtFault({ ...production, REDIS_URL: '' })).toEqual(['REDIS_URL'])
})

test('a managed identity has no password, and asks no machine of a sandbox', () => {
  const managed = { ...without(production, 'MicrosoftAppPassword'), MicrosoftAppType: 'UserAssignedMSI' }
  expect(readSetup(managed, 'web').config.bot).not.toHaveProperty('appPassword')
  expect(namesAtFault({ ...managed, MicrosoftAppPassword: SECRET })).toEqual(['MicrosoftAppPassword'])
  const { MicrosoftAppPassword: _, ...rest } = sandbox
  expect(namesAtFault({ ...rest, MicrosoftAppType: 'UserAssignedMSI' })).toEqual(['MicrosoftAppType'])
})

test('the bot speaks to Teams where Microsoft says, unless it is told of a cloud of governments', () => {
  expect(readSetup(production, 'web').config.bot).toEqual({
    appId: BOT,
    appPassword: SECRET,
    appType: 'SingleTenant',
    tenantId: TENANT,
    openIdMetadataUrl: 'https://login.botframework.com/v1/.well-known/openidconfiguration',
    loginUrl: 'https://login.microsoftonline.com',
    serviceUrls: ['https://smba.trafficmanager.net/teams/', 'https://smba.trafficmanager.net/'],
  })
  const governments = 'https://smba.infra.gcc.teams.microsoft.com/teams'
  expect(readSetup({ ...production, BOT_SERVICE_URLS: governments }, 'web').config.bot.serviceUrls).toEqual([
    governments,
  ])
})

test('the secret is web’s, and an older one goes on while it is replaced', () => {
  const [current = '', previous = ''] = ['d4'.repeat(32), 'd5'.repeat(32)]
  const rotated = { ...production, LATCHKEY_SECRET: `${current}, ${previous}` }
  expect(readSetup(rotated, 'web').config.secrets).toEqual([current, previous])
  expect(readSetup(without(production, 'LATCHKEY_SECRET'), 'workers').config.secrets).toEqual([])
})

test('an access key without its secret is a fault, of each part too', () => {
  expect(namesAtFault({ ...production, AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE' })).toEqual(['AWS_SECRET_ACCESS_KEY'])
  const given = { ...production, WEB_AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE' }
  expect(() => checkSetup(given, ['web', 'workers'])).toThrow(/WEB_AWS_SECRET_ACCESS_KEY/)
})

test('keys of the feed are read with the accounts that they are for', () => {
  const [current, previous] = ['c1'.repeat(32), 'c2'.repeat(32)]
  const list = `${current}@111122223333+444455556666, ${previous}@111122223333`
  expect(readSetup({ ...production, CLOUDTRAIL_KEYS: list }, 'web').config.cloudTrailKeys).toEqual([
    { key: current, accounts: ['111122223333', '444455556666'] },
    { key: previous, accounts: ['111122223333'] },
  ])
  expect(readSetup(production, 'web').config.cloudTrailKeys).toBeUndefined()
})

describe('each single breach of the sandbox refuses to start', () => {
  test.each([
    ['PUBLIC_URL', 'http://localhost:3978'],
    ['PUBLIC_URL', 'https://latchkey.example.com'],
    ['REDIS_URL', 'redis://localhost:6379'],
    ['REDIS_URL', 'redis://127.0.0.1:6379,redis://redis.example.com:6379'],
    ['AWS_ENDPOINT_URL', undefined],
    ['AWS_ENDPOINT_URL', 'https://sts.eu-west-1.amazonaws.com'],
    ['AWS_ENDPOINT_URL', 'http://127.0.0.1.example.com'],
    ['AWS_ENDPOINT_URL_IAM', 'https://iam.amazonaws.com'],
    ['ENTRA_AUTHORITY', undefined],
    ['ENTRA_AUTHORITY', 'https://login.microsoftonline.com'],
    ['GRAPH_BASE_URL', undefined],
    ['GRAPH_BASE_URL', 'https://graph.microsoft.com'],
    ['BOT_OPENID_METADATA_URL', undefined],
    ['BOT_OPENID_METADATA_URL', 'https://login.botframework.com/v1/.well-known/openidconfiguration'],
    ['BOT_LOGIN_URL', undefined],
    ['AWS_SIGNIN_URL', undefined],
    ['AWS_SIGNIN_URL', 'https://signin.aws.amazon.com/federation'],
    ['BOT_LOGIN_URL', 'https://login.microsoftonline.com'],
    ['BOT_SERVICE_URLS', undefined],
    ['BOT_SERVICE_URLS', 'https://smba.trafficmanager.net/teams/'],
    ['BOT_SERVICE_URLS', 'http://127.0.0.1:8444/teams/,http://localhost:8444/teams/'],
    ['HOST', '0.0.0.0'],
    ['HOST', 'localhost'],
    ['NODE_ENV', 'production'],
    ['AWS_PROFILE', 'prod'],
    ['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI', '/v2/credentials'],
    ['AWS_CONTAINER_CREDENTIALS_FULL_URI', 'http://169.254.170.23/v1/credentials'],
    ['AWS_WEB_IDENTITY_TOKEN_FILE', '/var/run/token'],
    ['AWS_ACCESS_KEY_ID', undefined],
    ['AWS_ACCESS_KEY_ID', 'AKIAIOSFODNN7EXAMPLE'],
  ])('%s = %s', (name, value) => {
    const env = without(sandbox, name)
    expect(namesAtFault(value === undefined ? env : { ...env, [name]: value })).toEqual([name])
  })
})

describe('each child is handed only its own', () => {
  const env = {
    AWS_REGION: 'eu-west-1',
    AWS_SESSION_TOKEN: 'of nobody',
    WEB_AWS_ACCESS_KEY_ID: 'SANDBOXWEB',
    WEB_AWS_SECRET_ACCESS_KEY: 'w',
    WORKERS_AWS_ACCESS_KEY_ID: 'SANDBOXWORKERS',
    WORKERS_AWS_SECRET_ACCESS_KEY: 's',
    AUDIT_SIGNING_KEY: 'k',
    METRICS_TOKEN: 't',
    CLOUDTRAIL_KEYS: 'c',
    APPROVAL_KEY: KEY,
  }

  test('web: its AWS identity, and never the key that signs the audit', () => {
    expect(partEnvironment(env, 'web')).toEqual({
      AWS_REGION: 'eu-west-1',
      AWS_ACCESS_KEY_ID: 'SANDBOXWEB',
      AWS_SECRET_ACCESS_KEY: 'w',
      METRICS_TOKEN: 't',
      CLOUDTRAIL_KEYS: 'c',
      APPROVAL_KEY: KEY,
      AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true',
    })
  })

  test('workers: theirs', () => {
    expect(partEnvironment(env, 'workers')).toEqual({
      AWS_REGION: 'eu-west-1',
      AWS_ACCESS_KEY_ID: 'SANDBOXWORKERS',
      AWS_SECRET_ACCESS_KEY: 's',
      AUDIT_SIGNING_KEY: 'k',
      APPROVAL_KEY: KEY,
      AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true',
    })
  })

  test('in the sandbox the endpoint is the sandbox’s own', () => {
    expect(partEnvironment(sandbox, 'web')).not.toHaveProperty('AWS_IGNORE_CONFIGURED_ENDPOINT_URLS')
  })

  test('a real key for one of them is a breach of the sandbox for both', () => {
    const given = { ...sandbox, WEB_AWS_ACCESS_KEY_ID: 'SANDBOXWEB', WORKERS_AWS_ACCESS_KEY_ID: 'AKIAREAL' }
    expect(() => checkSetup(given, ['web', 'workers'])).toThrow(/AWS_ACCESS_KEY_ID/)
  })
})
