import { readFileSync } from 'node:fs'
import { type Part, partEnvironment } from './config/environment.ts'
import { type ConfigFault, ConfigFaults, type Environment, expected, withoutEmpty } from './config/faults.ts'
import { identityFaults } from './config/identities.ts'
import { authorityFaults } from './config/sandbox.ts'
import { type CloudTrailKey, environmentSchema, KEY_FORM, type ParsedEnvironment } from './config/schema.ts'
import { parseRules } from './rules/file/parse-rules.ts'
import { RulesFaults } from './rules/file/rules-faults.ts'
import type { Rules } from './rules/rules.ts'
import type { BotSettings } from './teams/bot-settings.ts'

export interface Config {
  readonly port: number
  readonly host: string
  readonly publicUrl: string
  readonly redisUrl: string
  readonly awsRegion: string
  readonly redisDurability: 'managed' | undefined
  readonly approvalKey: string
  readonly entra: {
    readonly authority: string
    readonly tenantId: string
    readonly clientId: string
    readonly clientSecret: string
    readonly cliClientId: string
    /**
     * The Conditional Access context that demands a second factor. Undefined: no sign-in counts as one with a second
     * factor.
     */
    readonly mfaContext: string | undefined
  }
  readonly graphBaseUrl: string
  readonly bot: BotSettings
  /** The keys that seal cookies, the current one first. Workers have none. */
  readonly secrets: readonly string[]
  /** The address that exchanges credentials for a console sign-in. Undefined: the one of the bucket's AWS partition. */
  readonly awsSignInUrl: string | undefined
  /** Undefined: no mail is sent. */
  readonly mailSender: string | undefined
  /** Undefined: no feed of S3 writes. */
  readonly cloudTrailKeys: readonly CloudTrailKey[] | undefined
  readonly metricsToken: string | undefined
  readonly logLevel: string
  readonly sandbox: boolean
}

export interface Setup {
  readonly config: Config
  readonly rules: Rules
}

const KEYS = ['APPROVAL_KEY', 'LATCHKEY_SECRET', 'AUDIT_SIGNING_KEY', 'CLOUDTRAIL_KEYS']

/** No key may have two uses: a leak through one use would break the other too. */
function keyFaults(env: Environment): readonly ConfigFault[] {
  const owners = new Map<string, string>()
  const faults: ConfigFault[] = []
  // In `key@account` only the text before the @ is the key.
  const listed = KEYS.flatMap((name) =>
    (env[name] ?? '').split(',').map((one) => [name, one.trim().replace(/@.*$/, '')] as const),
  )
  for (const [name, value] of listed) {
    const owner = owners.get(value)
    if (value !== '' && owner !== undefined) faults.push(expected(name, `a key of its own: it is the same as ${owner}`))
    owners.set(value, name)
  }
  return faults
}

/**
 * The keys that verify sign-ins come over TLS. Without certificate checks anyone on the network could supply such keys.
 */
function tlsFaults(env: Environment): readonly ConfigFault[] {
  if (env.NODE_TLS_REJECT_UNAUTHORIZED !== '0') return []
  return [expected('NODE_TLS_REJECT_UNAUTHORIZED', 'nothing: trust an authority of your own with NODE_EXTRA_CA_CERTS')]
}

function parseEnvironment(env: Environment): { parsed?: ParsedEnvironment; faults: readonly ConfigFault[] } {
  const result = environmentSchema.safeParse(env)
  const faults = result.error?.issues.map(({ path, message }) => expected(path.join('.'), message)) ?? []
  return { ...(result.data && { parsed: result.data }), faults }
}

function readRules(path: string): { rules?: Rules; faults: readonly ConfigFault[] } {
  try {
    return { rules: parseRules(readFileSync(path, 'utf8')), faults: [] }
  } catch (error) {
    if (error instanceof RulesFaults) {
      return {
        faults: error.faults.map((at) => ({ name: `${path}:${at.line}:${at.column} ${at.key}`, problem: at.problem })),
      }
    }
    const code = error instanceof Error && 'code' in error ? String(error.code) : undefined
    if (code === undefined) throw error
    return { faults: [expected('LATCHKEY_CONFIG', `the path of the rules file: ${path} cannot be read (${code})`)] }
  }
}

function toConfig(env: ParsedEnvironment): Config {
  return {
    port: env.PORT,
    host: env.HOST,
    publicUrl: env.PUBLIC_URL,
    redisUrl: env.REDIS_URL,
    awsRegion: env.AWS_REGION,
    redisDurability: env.REDIS_DURABILITY,
    approvalKey: env.APPROVAL_KEY,
    entra: {
      authority: env.ENTRA_AUTHORITY,
      tenantId: env.ENTRA_TENANT_ID.toLowerCase(),
      clientId: env.ENTRA_CLIENT_ID.toLowerCase(),
      clientSecret: env.ENTRA_CLIENT_SECRET,
      cliClientId: env.ENTRA_CLI_CLIENT_ID.toLowerCase(),
      mfaContext: env.ENTRA_MFA_CONTEXT,
    },
    graphBaseUrl: env.GRAPH_BASE_URL,
    bot: {
      appId: env.MicrosoftAppId.toLowerCase(),
      ...(env.MicrosoftAppPassword === undefined ? {} : { appPassword: env.MicrosoftAppPassword }),
      appType: env.MicrosoftAppType,
      tenantId: env.MicrosoftAppTenantId.toLowerCase(),
      openIdMetadataUrl: env.BOT_OPENID_METADATA_URL,
      loginUrl: env.BOT_LOGIN_URL,
      serviceUrls: env.BOT_SERVICE_URLS,
    },
    secrets: env.LATCHKEY_SECRET ?? [],
    awsSignInUrl: env.AWS_SIGNIN_URL,
    mailSender: env.MAIL_SENDER,
    cloudTrailKeys: env.CLOUDTRAIL_KEYS,
    metricsToken: env.METRICS_TOKEN,
    logLevel: env.LOG_LEVEL,
    sandbox: env.LATCHKEY_SANDBOX === '1',
  }
}

/** Only web seals cookies, so only web needs a secret. */
function secretFaults(env: Environment, part: Part): readonly ConfigFault[] {
  if (part !== 'web' || env.LATCHKEY_SECRET !== undefined) return []
  return [expected('LATCHKEY_SECRET', `${KEY_FORM}; two with a comma between while you rotate it, the new one first`)]
}

/** Without ENTRA_MFA_CONTEXT every request under an entitlement that asks for a second factor would be refused. */
function secondFactorFaults({ ENTRA_MFA_CONTEXT }: Environment, rules: Rules | undefined): readonly ConfigFault[] {
  const entitlement = rules?.entitlements.find(({ conditions }) => conditions?.mfa)
  if (entitlement === undefined || ENTRA_MFA_CONTEXT !== undefined) return []
  const what = `the authentication context of Conditional Access that demands a second factor, as c1: entitlement ${entitlement.name} asks for one`
  return [expected('ENTRA_MFA_CONTEXT', what)]
}

/**
 * Reads the environment and the rules file of one part.
 * @throws ConfigFaults with every fault of both
 */
export function readSetup(given: Environment, part: Part): Setup {
  const env = withoutEmpty(given)
  const { parsed, faults } = parseEnvironment(env)
  const { rules, faults: rulesFaults } = readRules(env.LATCHKEY_CONFIG ?? 'latchkey.yaml')
  const ofEnvironment = [keyFaults, tlsFaults, identityFaults, authorityFaults].flatMap((check) => check(env))
  const ofBoth = [...secretFaults(env, part), ...secondFactorFaults(env, rules)]
  refuseWith([...faults, ...ofBoth, ...ofEnvironment, ...rulesFaults])
  if (parsed === undefined || rules === undefined) throw new Error('A configuration without faults was not read.')
  return { config: toConfig(parsed), rules }
}

/**
 * Checks the settings of all parts before the parent starts any. Only the parent has the keys of every part, so only it
 * can compare them.
 * @throws ConfigFaults with every fault
 */
export function checkSetup(given: Environment, parts: readonly Part[]): void {
  const ofParts = parts.flatMap((part) => faultsOf(partEnvironment(given, part), part))
  refuseWith([...ofParts, ...keyFaults(withoutEmpty(given))])
}

function faultsOf(env: Environment, part: Part): readonly ConfigFault[] {
  try {
    readSetup(env, part)
    return []
  } catch (error) {
    if (error instanceof ConfigFaults) return error.faults
    throw error
  }
}

/**
 * Two parts, or two checks of one variable, may report the same fault. Each fault is listed once.
 * @throws ConfigFaults when there is a fault
 */
function refuseWith(faults: readonly ConfigFault[]): void {
  const distinct = new Map(faults.map((fault) => [`${fault.name}: ${fault.problem}`, fault]))
  if (distinct.size > 0) throw new ConfigFaults([...distinct.values()])
}
