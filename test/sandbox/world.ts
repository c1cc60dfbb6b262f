import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { grantAnswer } from '../../src/http/api-schemas.ts'
import type { PrivateRedis } from '../bootstrap/redis.mjs'
import { seedTrail } from './aws/cloudtrail.ts'
import { type AwsOptions, type SandboxAws, startAws } from './aws/index.ts'
import type { SeededLatchkey, SeedOptions } from './aws/seed.ts'
import { GROUPS, PEOPLE, type PersonName } from './entra/fixture.ts'
import { type EntraOptions, type SandboxEntra, startEntra } from './entra/index.ts'
import { compiled, startPrivateRedis } from './project.ts'
import { type SandboxTeams, startTeams, type TeamsOptions } from './teams/index.ts'

/** The whole product on one machine: sandbox AWS, Entra and Teams in this process, a Redis, and Latchkey's real processes from `dist/`. */

const MAIN = compiled('src/main.js')
const CLI = compiled('src/cli.js')
const BUCKET = 'finance-reports'
/** What the sandbox's EventBridge sends along. */
export const CLOUDTRAIL_KEY = 'c7'.repeat(32)

export type Part = 'web' | 'workers'
export type Environment = Readonly<Record<string, string>>

export interface WorldOptions {
  readonly aws?: AwsOptions
  /** What the account holds when Latchkey is started. */
  readonly seed?: SeedOptions
  readonly entra?: EntraOptions
  readonly teams?: TeamsOptions
  /** A Redis of somebody else's; without it a private one, which goes with the world. */
  readonly redisUrl?: string
  /** The whole text of `latchkey.yaml`. */
  readonly rules?: string
  /** Whether EventBridge brings CloudTrail's records to the first web process. */
  readonly watch?: boolean
  /** Added to every process's environment. */
  readonly env?: Environment
}

/** One running process of Latchkey. */
export interface LatchkeyProcess {
  readonly part: Part
  /** Of a web process. */
  readonly url: string
  readonly child: ChildProcess
  /** Everything it wrote so far, both streams. */
  output(): string
}

const one = { id: z.string().optional(), status: z.string().optional() }

/** What tests read of an answer; everything else is still there. */
const answerBody = z.looseObject({
  ...one,
  version: z.string().optional(),
  grantId: z.string().nullish(),
  endsAt: z.string().nullish(),
  decision: z.object({ by: z.string(), as: z.string() }).nullish(),
  requests: z.array(z.looseObject(one)).optional(),
  grants: z.array(z.looseObject(one)).optional(),
  AccessKeyId: z.string().optional(),
  SecretAccessKey: z.string().optional(),
  SessionToken: z.string().optional(),
  Expiration: z.string().optional(),
  writes: grantAnswer.shape.writes.optional(),
  error: z.strictObject({ code: z.string(), message: z.string() }).optional(),
})

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: z.output<typeof answerBody>
}

export interface World {
  readonly aws: SandboxAws
  readonly seeded: SeededLatchkey
  readonly entra: SandboxEntra
  /** Brings what people say to the first web process. */
  readonly teams: SandboxTeams
  readonly redis: { readonly url: string }
  /** Undefined with a Redis of somebody else's. */
  readonly privateRedis: PrivateRedis | undefined
  /** The web process that was started first. */
  readonly web: LatchkeyProcess
  /** The full environment of one part; tests change it to see a start refused. */
  environment(part: Part, port?: number): Environment
  startWeb(env?: Environment): Promise<LatchkeyProcess>
  startWorkers(env?: Environment): Promise<LatchkeyProcess>
  /** Every process of that part that still runs; resolves when they are gone. */
  kill(part: Part, signal: NodeJS.Signals): Promise<void>
  /** An operator's: the service's configuration, an administrator's AWS credentials. */
  readonly operatorEnvironment: Environment
  /** `latchkey` as an operator runs it. */
  operate(
    words: readonly string[],
    env?: Environment,
  ): Promise<{ readonly code: number | null; readonly output: string }>
  /** Calls `/api/v1` of the first web process, or of another one, as that person. */
  call(person: PersonName, path: string, body?: object, web?: LatchkeyProcess): Promise<Answer>
  /** Everything that any process of this world wrote. */
  output(): string
  stop(): Promise<void>
}

/** Rita asks, Max (her manager) or a data owner decides. */
export const RULES = `version: 1
groups:
  finance: ${GROUPS.finance}
  data-owners: ${GROUPS.dataOwners}
accounts:
  prod: { id: "111122223333", elevationRole: latchkey/prod }
buckets:
  ${BUCKET}: { account: prod, region: eu-west-1, owners: ["group:data-owners"] }
entitlements:
  - name: finance-reports
    who: ["group:finance"]
    scopes: [s3://${BUCKET}/]
    levels: [read, write, delete]
    duration: { default: 45m, longest: 8h }
    approval: [{ need: 1, from: [manager, "group:data-owners"] }]
...
`

export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const closers: (() => Promise<unknown>)[] = []
  try {
    return await build(options, closers)
  } catch (error) {
    await closeAll(closers)
    throw error
  }
}

async function build(options: WorldOptions, closers: (() => Promise<unknown>)[]): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-world-'))
  const forget = () => rmSync(folder, { recursive: true, force: true })
  // Also where nobody stops the world, as when the demo's parent is killed.
  process.once('exit', forget)
  closers.push(async () => {
    process.off('exit', forget)
    forget()
  })
  const aws = await startAws(options.aws)
  closers.push(() => aws.stop())
  const seeded = aws.seedLatchkey(options.seed)
  const entra = await startEntra(options.entra)
  closers.push(() => entra.stop())
  const teams = await startTeams({ tenantId: entra.tenantId, people: entra.company.people(), ...options.teams })
  closers.push(() => teams.stop())
  const privateRedis = options.redisUrl === undefined ? await startPrivateRedis() : undefined
  if (privateRedis) closers.push(() => privateRedis.stop())
  const redis = { url: options.redisUrl ?? privateRedis?.url ?? '' }
  await writeFile(join(folder, 'latchkey.yaml'), options.rules ?? RULES)
  const ground = { folder, aws, seeded, entra, teams, redisUrl: redis.url }
  const all: LatchkeyProcess[] = []

  const environment = (part: Part, port = 3978): Environment => ({
    ...environmentOf(ground, part, port),
    ...options.env,
  })

  async function start(part: Part, env: Environment = {}): Promise<LatchkeyProcess> {
    const port = await freePort()
    // What workers send leads to where the web process is.
    const publicUrl = part === 'workers' ? web.url : `http://127.0.0.1:${port}`
    if (part === 'web') entra.allowRedirect(`${publicUrl}/sign-in/callback`)
    const changes = { PUBLIC_URL: publicUrl, ...options.env, ...env }
    const started = await startProcess(part, { ...environment(part, port), ...changes })
    all.push(started)
    return started
  }

  async function kill(part: Part, signal: NodeJS.Signals): Promise<void> {
    await Promise.all(all.filter((one) => one.part === part).map((one) => endProcess(one.child, signal)))
  }

  closers.push(() => Promise.all((['web', 'workers'] as const).map((part) => kill(part, 'SIGTERM'))))
  const web = await start('web')
  teams.connect(`${web.url}/api/messages`)
  const { accessKeyId, secretAccessKey } = seeded.keys.owner
  const admin = { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, PUBLIC_URL: web.url }
  const operatorEnvironment = { ...environment('web'), ...admin }
  const operate: World['operate'] = (words, env = {}) => runCli(words, { ...operatorEnvironment, ...env })
  if (options.watch) await watch(ground, operate)
  return {
    aws,
    seeded,
    entra,
    teams,
    redis,
    privateRedis,
    web,
    environment,
    startWeb: (env) => start('web', env),
    startWorkers: (env) => start('workers', env),
    kill,
    operatorEnvironment,
    operate,
    call: async (person, path, body, to = web) => call(to.url, await entra.mint(PEOPLE[person]), path, body),
    output: () => all.map((one) => one.output()).join(''),
    stop: () => closeAll(closers),
  }
}

async function closeAll(closers: (() => Promise<unknown>)[]): Promise<void> {
  for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close()
}

/** As an operator sets it up, with an administrator's credentials. */
async function watch({ aws, seeded }: Ground, operate: World['operate']): Promise<void> {
  seedTrail(aws.state, seeded.buckets)
  const { code, output } = await operate(['aws', 'setup', '--yes'])
  if (code !== 0) throw new Error(`\`latchkey aws setup\` ended with ${code}:\n${output}`)
}

interface Ground {
  readonly folder: string
  readonly aws: SandboxAws
  readonly seeded: SeededLatchkey
  readonly entra: SandboxEntra
  readonly teams: SandboxTeams
  readonly redisUrl: string
}

/** Nothing of this machine's own comes in: no home folder with AWS files, no variable of whoever runs the tests. */
function environmentOf({ folder, aws, seeded, entra, teams, redisUrl }: Ground, part: Part, port: number): Environment {
  const { accessKeyId, secretAccessKey } = seeded.keys[part]
  return {
    PATH: process.env.PATH ?? '',
    HOME: folder,
    NODE_EXTRA_CA_CERTS: process.env.NODE_EXTRA_CA_CERTS ?? '',
    LATCHKEY_SANDBOX: '1',
    LATCHKEY_CONFIG: join(folder, 'latchkey.yaml'),
    HOST: '127.0.0.1',
    PORT: String(port),
    PUBLIC_URL: `http://127.0.0.1:${port}`,
    REDIS_URL: redisUrl,
    APPROVAL_KEY: 'a1'.repeat(32),
    ...(part === 'web'
      ? { CLOUDTRAIL_KEYS: `${CLOUDTRAIL_KEY}@${aws.state.account}`, LATCHKEY_SECRET: 'd4'.repeat(32) }
      : {}),
    MicrosoftAppId: teams.appId,
    MicrosoftAppPassword: teams.appPassword,
    MicrosoftAppTenantId: teams.tenantId,
    BOT_OPENID_METADATA_URL: teams.openIdMetadataUrl,
    BOT_LOGIN_URL: teams.loginUrl,
    BOT_SERVICE_URLS: teams.serviceUrl,
    ENTRA_TENANT_ID: entra.tenantId,
    ENTRA_CLIENT_ID: entra.clientId,
    ENTRA_CLIENT_SECRET: entra.clientSecret,
    ENTRA_CLI_CLIENT_ID: entra.cliClientId,
    ENTRA_AUTHORITY: entra.authority,
    GRAPH_BASE_URL: entra.graphBaseUrl,
    MAIL_SENDER: entra.mailSender,
    AWS_ENDPOINT_URL: aws.url,
    AWS_SIGNIN_URL: `${aws.url}/federation`,
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
  }
}

async function runCli(words: readonly string[], env: Environment) {
  const child = spawn(process.execPath, [CLI, ...words], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const chunks: string[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => chunks.push(String(chunk)))
  await once(child, 'close')
  return { code: child.exitCode, output: chunks.join('') }
}

export interface Spawned extends LatchkeyProcess {
  /** Whichever comes first. */
  readonly outcome: Promise<'ready' | 'ended'>
}

/** Without a part: the parent with both children, which never says that it is ready. */
export function spawnLatchkey(part: Part | undefined, env: Environment): Spawned {
  const child = fork(MAIN, part === undefined ? [] : [part], { env, execArgv: [], silent: true })
  const chunks: string[] = []
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => chunks.push(String(chunk)))
  const outcome = Promise.race([
    once(child, 'message').then(() => 'ready' as const),
    once(child, 'close').then(() => 'ended' as const),
  ])
  return { part: part ?? 'web', url: `http://127.0.0.1:${env.PORT}`, child, output: () => chunks.join(''), outcome }
}

/** @throws with everything it wrote when it ends before it is ready */
async function startProcess(part: Part, env: Environment): Promise<LatchkeyProcess> {
  const started = spawnLatchkey(part, env)
  if ((await started.outcome) === 'ready') return started
  throw new Error(`The ${part} process ended with ${started.child.exitCode}:\n${started.output()}`)
}

export async function endProcess(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill(signal)
  await ended
}

async function call(url: string, token: string, path: string, body?: object): Promise<Answer> {
  const isWrite = body !== undefined || /\/(cancel|reviews|end|credentials|console|link)$/.test(path)
  const response = await fetch(`${url}/api/v1${path}`, {
    method: isWrite ? 'POST' : 'GET',
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    body: body === undefined ? null : JSON.stringify(body),
  })
  return { status: response.status, headers: response.headers, body: answerBody.parse(await response.json()) }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('There is no free port.')
  return address.port
}
