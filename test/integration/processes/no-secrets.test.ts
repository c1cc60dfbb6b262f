import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { seeMessage } from '../../../sandbox/demo/rooms.ts'
import { openTerminal, type Terminal } from '../../../sandbox/demo/terminal.ts'
import { PEOPLE, type PersonName } from '../../../sandbox/entra/fixture.ts'
import { MEASURED_AS } from '../../../src/aws/session/assume-role.ts'
import { APPROVE, ASK, eventually, type Product, startProduct } from '../../fixtures/product.ts'
import { endProcess, spawnLatchkey } from '../../fixtures/world.ts'

const PERSONS = ['rita', 'max', 'finn'] as const

let product: Product
let folder: string
/** Every bearer token that was sent, and the tokens in the CLI's files. */
const bearers: string[] = []
/** Console sign-in tokens and signatures of presigned links. */
const links: string[] = []
/** Commands whose answers may contain secrets; no others may. */
const GIVING: readonly string[] = ['credentials', 'env', 'console', 'link']
/** The output of all other commands. */
const printed: string[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latchkey-secrets-'))
  // The most detailed log level.
  product = await startProduct({ env: { LOG_LEVEL: 'trace' } })
  for (const person of PERSONS) await product.teams.open(person)
  await product.startWorkers()
})

afterAll(async () => {
  await product.stop()
  await rm(folder, { recursive: true, force: true })
})

async function send(person: PersonName, path: string, body?: object, web = product.web): Promise<unknown> {
  const token = await product.entra.mint(PEOPLE[person])
  bearers.push(token)
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const init = body === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(body) }
  return (await fetch(`${web.url}/api/v1${path}`, init)).json()
}

async function run(terminal: Terminal, ...words: readonly string[]): Promise<string> {
  const { stdout, stderr } = await terminal.latchkey(...words)
  if (!GIVING.includes(words[0] ?? '')) printed.push(stdout)
  printed.push(stderr)
  return stdout
}

/** Every command, from two terminals. */
async function byCommandLine(): Promise<void> {
  const [rita, max] = await Promise.all((['rita', 'max'] as const).map((name) => openTerminal(product, name, folder)))
  if (!rita || !max) throw new Error('no terminal')
  await Promise.all([rita.login(), max.login()])
  const asked = await run(rita, 'request', 'write', ASK.scope, '--for', '5m', '--because', 'month-end fix')
  const requestId = /r-\w{12}/.exec(asked)?.[0] ?? ''
  const grantId = /g-\w{12}/.exec(await run(max, 'approve', requestId, '--yes'))?.[0] ?? ''
  await product.untilStatus(grantId, 'active')
  expect(JSON.parse(await run(rita, 'credentials', grantId))).toMatchObject({ Version: 1 })
  await run(max, 'credentials', grantId)
  await run(rita, 'env', grantId)
  await run(rita, 'profile', grantId)
  const console = new URL(await run(rita, 'console', grantId, '--print'))
  links.push(console.searchParams.get('SigninToken') ?? '')
  const wide = await rita.latchkey('link', grantId)
  printed.push(wide.stdout, wide.stderr)
  links.push(...(await oneObject(rita, max)))
  await run(rita, 'grants')
  await run(rita, 'done', grantId)
  await product.untilStatus(grantId, 'revoked')
  await run(rita, 'credentials', grantId)
}

/** The secret of a link is its signature. */
async function oneObject(rita: Terminal, max: Terminal): Promise<readonly string[]> {
  const scope = `${ASK.scope}report.csv`
  const asked = await run(rita, 'request', 'read,write', scope, '--for', '5m', '--because', 'one file')
  const grantId = /g-\w{12}/.exec(await run(max, 'approve', /r-\w{12}/.exec(asked)?.[0] ?? '', '--yes'))?.[0] ?? ''
  await product.untilStatus(grantId, 'active')
  const [put, get] = [await run(rita, 'link', grantId, '--put'), await run(rita, 'link', grantId)]
  expect((await fetch(put.trim(), { method: 'PUT', body: 'x' })).status).toBe(200)
  expect((await fetch(get.trim())).status).toBe(200)
  return [put, get].map((link) => new URL(link.trim()).searchParams.get('X-Amz-Signature') ?? '')
}

/** The same through the API with every fault on the way, because errors describe what they are about. */
async function withFaults(): Promise<void> {
  const { aws, entra } = product
  const grantId = await product.active('finn')
  await send('finn', `/grants/${grantId}/credentials`, {})
  aws.faults.loseReply({ service: 'sts', action: 'AssumeRole' }, 1)
  await send('finn', `/grants/${grantId}/credentials`, {})
  aws.faults.fail({ service: 'sts' }, { code: 'AccessDenied', status: 403, times: 1 })
  await send('finn', `/grants/${grantId}/credentials`, {})
  aws.faults.fail({ service: 'sts' }, { code: 'ServiceUnavailable', status: 503, times: 9 })
  await send('finn', `/grants/${grantId}/console`, {})
  aws.faults.clear()
  aws.faults.fail({ service: 'signin' }, { code: 'BadRequest', status: 400, times: 1 })
  await send('finn', `/grants/${grantId}/console`, {})
  aws.faults.loseReply({ service: 'signin' }, 1)
  await send('finn', `/grants/${grantId}/console`, {})
  await send('finn', `/grants/${grantId}/console`, {})
  aws.faults.fail({ service: 'iam', action: 'PutRolePolicy' }, { code: 'AccessDenied', status: 403, times: 1 })
  await send('finn', `/grants/${grantId}/end`, {})
  await product.untilStatus(grantId, 'revoked')

  const requestId = await product.ask('rita')
  entra.faults.fail('graph', { kind: 'web-page' })
  await send('max', `/requests/${requestId}/reviews`, APPROVE)
  entra.faults.fail('graph', { kind: 'status', status: 401 })
  await send('max', `/requests/${requestId}/reviews`, APPROVE)
  entra.faults.heal()
  aws.faults.fail({ service: 'sts', action: 'AssumeRole' }, { code: 'AccessDenied', status: 403, times: 1 })
  const answer = await product.review('max', requestId, APPROVE)
  await product.untilStatus(answer.body.grantId ?? '', 'revoked')
  await send('rita', '/requests', { ...ASK, reason: { authorization: 'in the wrong place' } })
}

/** An approval in Teams and a visit to the page that the mail links to. No sign-in token may appear anywhere afterwards. */
async function byRooms(): Promise<void> {
  const requestId = await product.ask('finn', { reason: 'in the rooms' })
  const mail = await product.entra.waitForMail(PEOPLE.max, ({ html }) => html.includes(requestId))
  const link = /href="([^"]+\/requests\/[^"]+)"/.exec(mail.html)?.[1] ?? ''
  const first = await fetch(link, { redirect: 'manual' })
  const leave = first.headers.get('location') ?? ''
  const cookies = first.headers.getSetCookie().map((cookie) => cookie.split(';')[0] ?? '')
  const back = await product.entra.signIn(PEOPLE.max, leave)
  const second = await fetch(back, { headers: { cookie: cookies.join('; ') }, redirect: 'manual' })
  const session = second.headers.getSetCookie().map((cookie) => cookie.split(';')[0] ?? '')
  const page = await fetch(link, { headers: { cookie: session.join('; ') } })
  expect(await page.text()).toContain('in the rooms')
  const values = [...cookies, ...session].map((cookie) => cookie.slice(cookie.indexOf('=') + 1))
  const parameters = [new URL(leave), new URL(back)].flatMap(({ searchParams }) =>
    ['state', 'nonce', 'code', 'code_challenge'].flatMap((name) => searchParams.get(name) ?? []),
  )
  bearers.push(...[...values, ...parameters].filter((value) => value.length > 19))
  const card = await seeMessage(product, 'max', 'personal', ['in the rooms'])
  await product.teams.click('max', card.id, 'approve', {})
  const grantId = z.string().parse((await product.stored('request', requestId)).grantId)
  await product.untilStatus(grantId, 'active')
  await send('finn', `/grants/${grantId}/credentials`, {})
  await seeMessage(product, 'finn', 'personal', [grantId])
}

/** A process that cannot get its first Graph token, and one that does not start. */
async function withoutEntra(): Promise<void> {
  const { entra } = product
  const secret = { ENTRA_CLIENT_SECRET: 'SANDBOX-a-wrong-secret-of-this-test' }
  const wrong = await product.startWeb(secret)
  await send('rita', '/requests', ASK, wrong)
  entra.faults.fail('tokens', { kind: 'status', status: 500 })
  await send('rita', '/requests', ASK, await product.startWeb())
  entra.faults.heal()
  const { APPROVAL_KEY = '' } = product.environment('web')
  const refused = spawnLatchkey('web', {
    ...product.environment('web'),
    LATCHKEY_SECRET: APPROVAL_KEY,
    PORT: 'no port',
  })
  await refused.outcome
  await endProcess(refused.child, 'SIGKILL')
  expect(refused.output()).toContain('APPROVAL_KEY')
  printed.push(refused.output())
}

/** The JSON web tokens, refresh tokens and codes in the CLI's files. */
async function keptBySignIn(): Promise<readonly string[]> {
  const names = await readdir(folder, { recursive: true })
  const texts = await Promise.all(
    names.filter((name) => name.endsWith('.json')).map((name) => readFile(join(folder, name), 'utf8')),
  )
  return texts.flatMap((text) => [...text.matchAll(/"([\w.~+/=-]{20,})"/g)].map(([, value]) => value ?? ''))
}

async function secrets(): Promise<ReadonlyMap<string, string>> {
  const { aws, entra } = product
  const sessions = [...aws.state.sessions.values()]
  expect(sessions.length).toBeGreaterThan(5)
  const tokens = [...bearers, ...(await keptBySignIn()).filter((value) => !value.startsWith('http'))]
  expect(tokens.length).toBeGreaterThan(bearers.length)
  return new Map([
    ...sessions.flatMap(({ sessionName, secretAccessKey, sessionToken }) => [
      [`secret access key of ${sessionName}`, secretAccessKey] as const,
      [`session token of ${sessionName}`, sessionToken] as const,
    ]),
    ...[...aws.state.accessKeys.values()].map((key) => [`key of ${key.userName}`, key.secretAccessKey] as const),
    ['APPROVAL_KEY', product.environment('web').APPROVAL_KEY ?? ''],
    ['client secret', entra.clientSecret],
    ['MicrosoftAppPassword', product.teams.appPassword],
    ['LATCHKEY_SECRET', product.environment('web').LATCHKEY_SECRET ?? ''],
    ['wrong client secret', 'SANDBOX-a-wrong-secret-of-this-test'],
    ...links.map((link, n) => [`link ${n}`, link] as const),
    ...tokens.map((token, n) => [`token ${n}`, token] as const),
  ])
}

/** The secret as it is, and encoded for JSON, a URL, a form or base64. */
function formsOf(secret: string): readonly string[] {
  const base64 = Buffer.from(secret).toString('base64').replace(/=+$/, '')
  const forms = [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1), base64]
  // Only the signature makes a token usable. Claims alone give no access.
  const signature = /^[\w-]+\.[\w-]+\.([\w-]{40,})$/.exec(secret)?.[1]
  return [...new Set(signature === undefined ? forms : [...forms, signature])]
}

/** Everything that Redis ever wrote, deleted data included: keys, jobs, audit. */
async function everythingInRedis(): Promise<Buffer> {
  const root = product.privateRedis?.dir ?? ''
  const files = await readdir(join(root, 'appendonlydir'))
  expect(files.some((name) => name.endsWith('.incr.aof'))).toBe(true)
  return Buffer.concat(await Promise.all(files.map((name) => readFile(join(root, 'appendonlydir', name)))))
}

async function dump(): Promise<string> {
  const keys = await product.cli.keys('*')
  const values = await Promise.all(keys.map(async (key) => [key, await contentsOf(key)]))
  return JSON.stringify(values)
}

async function contentsOf(key: string): Promise<unknown> {
  const { cli } = product
  switch (await cli.type(key)) {
    case 'string':
      return cli.get(key)
    case 'hash':
      return cli.hgetall(key)
    case 'list':
      return cli.lrange(key, 0, -1)
    case 'set':
      return cli.smembers(key)
    case 'zset':
      return cli.zrange(key, '0', '-1', 'WITHSCORES')
    case 'stream':
      return cli.xrange(key, '-', '+')
    default:
      return undefined
  }
}

test('after the whole story no log, audit event, job, answer or anything in Redis holds a credential', async () => {
  await byCommandLine()
  await withFaults()
  await byRooms()
  await withoutEntra()
  await eventually(async () => expect(await product.cli.xlen('{latchkey}:outbox')).toBe(0))

  const redis = await everythingInRedis()
  const searched = new Map([
    ['output of the processes', product.output()],
    ['what the commands printed', printed.join('\n')],
    ['the audit', JSON.stringify(await product.audit())],
    ['Redis', await dump()],
    ['the append-only file of Redis', redis.toString('latin1')],
    ['the journal of the sandbox', JSON.stringify(product.aws.journal.entries())],
    ['cards and messages', JSON.stringify(PERSONS.map((person) => product.teams.conversation(person, 'personal')))],
    ['mails', JSON.stringify(product.entra.mails(PEOPLE.max))],
  ])
  const found: string[] = []
  for (const [what, secret] of await secrets()) {
    expect(secret.length, what).toBeGreaterThan(19)
    for (const [source, text] of searched)
      if (formsOf(secret).some((form) => text.includes(form))) found.push(`${what}: ${source}`)
  }
  expect(found).toEqual([])

  // Proves that the search covers these places: what may be there is found.
  const session = [...product.aws.state.sessions.values()].find(({ sessionName }) => sessionName !== MEASURED_AS)
  for (const source of ['output of the processes', 'the audit', 'Redis', 'the append-only file of Redis'])
    expect(searched.get(source), source).toContain(session?.sessionName)
})
