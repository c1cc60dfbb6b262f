import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { PEOPLE, type PersonName } from '../../../sandbox/entra/fixture.ts'
import { type JobOutcome, runHere, withBrowser } from '../../fixtures/cli-here.ts'
import { type Environment, startWorld, type World } from '../../fixtures/world.ts'

const CLI = fileURLToPath(new URL('../../../dist/src/cli.js', import.meta.url))
const SOON = { timeout: 30_000, interval: 100 }

type Finished = Omit<JobOutcome, 'output'>

let world: World
let home: string

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'latchkey-cli-'))
  world = await startWorld()
  await world.startWorkers()
})

afterAll(async () => {
  await world.stop()
  await rm(home, { recursive: true, force: true })
})

function environmentOf(person: PersonName) {
  return {
    PATH: process.env.PATH ?? '',
    NODE_EXTRA_CA_CERTS: process.env.NODE_EXTRA_CA_CERTS ?? '',
    LATCHKEY_URL: world.web.url,
    XDG_CONFIG_HOME: join(home, person),
    HOME: join(home, person),
  }
}

function start(person: PersonName, words: readonly string[], env: NodeJS.ProcessEnv = {}, cli = CLI) {
  return spawn(process.execPath, [cli, ...words], {
    env: { ...environmentOf(person), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

type Running = ReturnType<typeof start>

async function finish(child: Running, onError: (text: string) => void = () => undefined): Promise<Finished> {
  let out = ''
  let err = ''
  child.stdout.on('data', (chunk) => {
    out += String(chunk)
  })
  child.stderr.on('data', (chunk) => {
    err += String(chunk)
    onError(err)
  })
  await once(child, 'close')
  return { code: child.exitCode, out, err }
}

const script = spawnSync('script', ['--version'], { stdio: 'ignore' }).status === 0

/** Runs a command at a terminal whose person answers its question. */
async function atTerminal(person: PersonName, words: string, answer: string): Promise<string> {
  const env = { ...process.env, LATCHKEY_URL: world.web.url, XDG_CONFIG_HOME: join(home, person) }
  const child = spawn('script', ['-qec', `'${process.execPath}' '${CLI}' ${words}`, '/dev/null'], { env })
  let said = ''
  child.stdout.on('data', (chunk) => {
    const wasAsked = said.includes('[y/N] ')
    said += String(chunk)
    if (!wasAsked && said.includes('[y/N] ')) child.stdin.write(answer)
  })
  await once(child, 'close')
  return said
}

async function latchkey(person: PersonName, ...words: string[]): Promise<Finished> {
  return await finish(start(person, words))
}

/** Where it does not matter that it is a process. */
async function here(person: PersonName, ...words: string[]): Promise<Finished> {
  return await hereWith({}, person, ...words)
}

async function hereWith(env: Environment, person: PersonName, ...words: string[]): Promise<Finished> {
  const { code, out, err } = await runHere(words, { ...environmentOf(person), ...env })
  return { code, out, err }
}

const LOGIN = ['login', '--no-browser']

/** The person's browser follows the printed link and returns to the port that the CLI listens on. */
async function login(person: PersonName, follow = (link: string) => comeBack(person, link)): Promise<Finished> {
  return await withBrowser(follow, (see) => runHere(LOGIN, environmentOf(person), see))
}

async function comeBack(person: PersonName, link: string): Promise<void> {
  try {
    const back = await world.entra.signIn(PEOPLE[person], link)
    await (await fetch(back)).text()
  } catch (error) {
    // Otherwise the command would wait five minutes.
    await comeBackRefused(link)
    throw error
  }
}

async function comeBackRefused(link: string): Promise<void> {
  const { searchParams: asked } = new URL(link)
  const answer = { error: 'access_denied', state: asked.get('state') ?? '', iss: world.entra.issuer }
  await (await fetch(`${asked.get('redirect_uri')}?${new URLSearchParams(answer)}`)).text()
}

const signInFile = z.looseObject({ accessToken: z.string(), refreshToken: z.string(), expiresAt: z.number() })

async function readSignIn(person: PersonName) {
  return signInFile.parse(JSON.parse(await readFile(join(home, person, 'latchkey', 'sign-in.json'), 'utf8')))
}

async function ageSignIn(person: PersonName, changes: object): Promise<void> {
  const path = join(home, person, 'latchkey', 'sign-in.json')
  await writeFile(path, JSON.stringify({ ...(await readSignIn(person)), ...changes }))
}

async function grantFor(scope = 's3://finance-reports/2026/'): Promise<string> {
  const ask = ['request', 'write', scope, '--for', '45m', '--because', 'month-end fix']
  const requestId = /^(r-\S+) {2}pending/.exec((await here('rita', ...ask)).out)?.[1] ?? 'none'
  const approved = await here('max', 'approve', requestId, '--yes', '--comment', 'go ahead')
  const grantId = /approved {2}(g-\S+)/.exec(approved.out)?.[1] ?? 'none'
  await vi.waitFor(async () => expect((await here('rita', 'grants')).out).toContain(`${grantId}  active`), SOON)
  return grantId
}

describe('signing in', () => {
  test('leaves a sign-in that only its owner can read, and says nothing secret', async () => {
    const follow = (link: string) => comeBack('rita', link)
    const ran = await withBrowser(follow, (see) => finish(start('rita', LOGIN), see))
    expect([ran.code, ran.out]).toEqual([0, ''])
    expect(ran.err).toMatch(/\nYou are signed in at http:\S+ as Rita Reyes \(rita[^)]*@[^)]+\)\.\n$/)
    const folder = join(home, 'rita', 'latchkey')
    expect((await stat(folder)).mode & 0o777).toBe(0o700)
    expect((await stat(join(folder, 'sign-in.json'))).mode & 0o777).toBe(0o600)
    const { accessToken, refreshToken } = await readSignIn('rita')
    for (const secret of [accessToken, refreshToken]) expect(ran.err).not.toContain(secret)
  })

  test('that the person or Entra refused is said, with the next step', async () => {
    const ran = await login('nils', comeBackRefused)
    expect([ran.code, ran.out]).toEqual([1, ''])
    expect(ran.err).toContain('Entra did not sign you in (access_denied). Run `latchkey login` again')
  })

  test('with an authority that this machine does not trust is refused, and says what to set', async () => {
    const env = { NODE_EXTRA_CA_CERTS: '' }
    const entra = finish(start('nils', LOGIN, env))
    const latchkey = finish(start('nils', ['login'], { ...env, LATCHKEY_URL: world.entra.authority }))
    for (const { code, err } of await Promise.all([entra, latchkey])) {
      expect(code).toBe(1)
      expect(err).toMatch(/^The certificate of .*127\.0\.0\.1:\d+\)? is not trusted on this machine \([A-Z_]+\)\./)
      expect(err).toContain('set NODE_EXTRA_CA_CERTS')
    }
  })

  test('closes a folder that others could read', async () => {
    await chmod(join(home, 'rita', 'latchkey'), 0o755)
    expect((await login('rita')).code).toBe(0)
    expect((await stat(join(home, 'rita', 'latchkey'))).mode & 0o777).toBe(0o700)
  })

  test('a redirect that this sign-in did not ask for is not taken', async () => {
    await login('finn', async (link) => {
      const redirect = new URL(link).searchParams.get('redirect_uri')
      const stolen = await fetch(`${redirect}?code=stolen&state=other`)
      await comeBackRefused(link)
      expect(stolen.status).toBe(404)
    })
    await expect(readSignIn('finn')).rejects.toThrow('ENOENT')
  })

  test.each([['http://latchkey.example.com'], ['http://localhost:3978'], ['latchkey.example.com'], ['']])(
    'a token is never sent to LATCHKEY_URL=%s',
    async (url) => {
      const ran = await hereWith({ LATCHKEY_URL: url }, 'rita', 'grants')
      expect([ran.code, ran.out]).toEqual([1, ''])
      expect(ran.err).toContain('Set LATCHKEY_URL to the https address')
    },
  )

  test('whoever is not signed in is told how to', async () => {
    const ran = await here('noor', 'grants')
    expect(ran).toEqual({ code: 1, out: '', err: 'You are not signed in. Run `latchkey login` and try again.\n' })
  })
})

test('says its version', async () => {
  expect(await latchkey('noor', '--version')).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
  })
})

test.each([
  [['requests'], 'You have asked for nothing yet. Ask with `latchkey request`'],
  [['requests', '--to-review'], 'Nothing waits for your review.'],
  [['grants'], 'You have no grants. Ask with `latchkey request`'],
])('an empty list says so, and where to go from there (%s)', async (words, sentence) => {
  await login('noor')
  const ran = await here('noor', ...words)
  expect([ran.code, ran.out]).toEqual([0, ''])
  expect(ran.err).toContain(sentence)
})

describe('approving', () => {
  /** A proxy in front of Latchkey that changes answers on their way. */
  async function behind(onWay: (path: string, text: string) => Promise<{ status?: number; text: string } | undefined>) {
    const server = createServer(async (request, response) => {
      const body = request.method === 'POST' ? await text(request) : undefined
      const { authorization = '', 'content-type': type = 'application/json' } = request.headers
      const answer = await fetch(`${world.web.url}${request.url}`, {
        method: request.method ?? 'GET',
        headers: { authorization, ...(body ? { 'content-type': type } : {}) },
        body: body || null,
      })
      const said = await answer.text()
      const changed = (await onWay(`${request.method} ${request.url}`, said)) ?? { text: said }
      response.writeHead(changed.status ?? answer.status, { 'content-type': 'application/json' }).end(changed.text)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('There is no address.')
    return { url: `http://127.0.0.1:${address.port}`, close: () => server.close() }
  }

  async function ask(): Promise<string> {
    const asked = await here('rita', 'request', 'write', 's3://finance-reports/2026/', '--because', 'month-end fix')
    return /^(r-\S+) {2}pending/.exec(asked.out)?.[1] ?? 'none'
  }

  async function approveAt(url: string, id: string): Promise<Finished> {
    await ageSignIn('max', { url })
    try {
      return await hereWith({ LATCHKEY_URL: url }, 'max', 'approve', id, '--yes')
    } finally {
      await ageSignIn('max', { url: world.web.url })
    }
  }

  beforeAll(async () => {
    await login('rita')
    await login('max')
  })

  test('prints what is decided before it is, and then what came of it', async () => {
    const id = await ask()
    const { out, err } = await here('max', 'approve', id, '--yes')
    const [shown, decided] = out.split('\n')
    expect(shown).toBe(`${id}  pending  Rita Reyes: write s3://finance-reports/2026/ for 45m, because month-end fix`)
    expect(decided).toContain(`${id}  approved  g-`)
    expect(err).toMatch(/^Can see names, upload and overwrite under s3:\/\/finance-reports\/2026\/; cannot download, /)
    expect(err).toMatch(/\n {2}Can {6}see names, upload, overwrite\n {2}Cannot {3}download, delete, /)
    const grantId = /(g-\S+)/.exec(decided ?? '')?.[1] ?? 'none'
    // The approver can see the grant and has none of their own.
    expect(await here('max', 'grants', grantId)).toMatchObject({
      code: 0,
      out: expect.stringContaining(`${grantId}  `),
      err: expect.stringMatching(/\n {2}Cannot {3}download, delete, /),
    })
  })

  test.each(['approve', 'deny'])('where there is nobody to ask, %s decides nothing without --yes', async (decision) => {
    const id = await ask()
    const ran = await latchkey('max', decision, id)
    expect([ran.code, ran.out]).toEqual([1, expect.stringMatching(`^${id}  pending  [^\n]+\n$`)])
    expect(ran.err).toMatch(/\n {2}Cannot {3}download, delete, [\s\S]+\nNothing was changed: [^\n]+ add --yes\.\n$/)
    expect((await here('rita', 'requests')).out).toContain(`${id}  pending`)
  })

  test('a request that is decided is not shown as one that is not', async () => {
    const id = await ask()
    await here('max', 'deny', id, '--yes')
    const ran = await here('max', 'approve', id)
    expect([ran.code, ran.out]).toEqual([1, expect.stringContaining(`${id}  denied`)])
    expect(ran.err).toMatch(/^This request was already denied by [^\n]+\n$/)
  })

  test.skipIf(!script)(
    'at a terminal shows what it would allow, and asks first (needs script on the PATH)',
    async () => {
      const id = await ask()
      for (const [typed, status] of [
        ['n\n', 'pending'],
        // Ctrl-C
        ['\u0003', 'pending'],
        ['y\n', 'approved'],
      ] as const) {
        const said = await atTerminal('max', `approve ${id}`, typed)
        expect(said).toMatch(/ {2}Cannot {3}download, delete, [\s\S]+Approve it\? \[y\/N\]/)
        expect(said.includes('Nothing was changed.')).toBe(status === 'pending')
        expect((await here('rita', 'requests')).out).toContain(`${id}  ${status}`)
      }
    },
  )

  test('something else than what was printed is refused', async () => {
    const id = await ask()
    const proxy = await behind(async (call, said) =>
      call === `GET /api/v1/requests/${id}`
        ? { text: said.replace(/"version":"[^"]+"/, '"version":"2.AbCdEfGhIjKlMnOpQrStUv"') }
        : undefined,
    )
    try {
      const ran = await approveAt(proxy.url, id)
      expect(ran.out).toContain('s3://finance-reports/2026/ for 45m')
      const changed = 'This request changed meanwhile. Look again and repeat what you wanted to do.\n'
      expect([ran.code, ran.err]).toEqual([1, expect.stringContaining(changed)])
      expect((await here('rita', 'requests')).out).toContain(`${id}  pending`)
    } finally {
      proxy.close()
    }
  })

  test.each(['env', 'credentials'])('%s of a grant that is not active yet says where to look', async (command) => {
    const message = 'This grant is still being activated. Try again in a few seconds.'
    const proxy = await behind(async (call, said) =>
      call.endsWith('/credentials')
        ? { status: 409, text: JSON.stringify({ error: { code: 'CONFLICT', message } }) }
        : { text: said.replace('"status":"active"', '"status":"activating"') },
    )
    const grantId = await grantFor()
    await ageSignIn('rita', { url: proxy.url })
    try {
      const ran = await hereWith({ LATCHKEY_URL: proxy.url }, 'rita', command, grantId)
      const err = `Grant ${grantId} is not active yet; \`latchkey grants ${grantId}\` says when it is.\n`
      expect(ran).toEqual({ code: 1, out: '', err })
    } finally {
      await ageSignIn('rita', { url: world.web.url })
      proxy.close()
    }
  })

  test('done, where AWS takes its time, says where to look', async () => {
    const proxy = await behind(async (call, said) =>
      call.startsWith('GET /api/v1/grants/g-')
        ? { text: said.replace('"status":"revoked"', '"status":"revoking"') }
        : undefined,
    )
    const grantId = await grantFor()
    await ageSignIn('rita', { url: proxy.url })
    try {
      const ran = await hereWith({ LATCHKEY_URL: proxy.url }, 'rita', 'done', grantId)
      const err = `AWS is being told to refuse it; \`latchkey grants ${grantId}\` says when it does.\n`
      expect(ran).toEqual({ code: 0, out: expect.stringContaining(`${grantId}  revoking`), err })
    } finally {
      await ageSignIn('rita', { url: world.web.url })
      proxy.close()
    }
  })

  test('no sentence of a server makes the terminal do anything', async () => {
    const message = 'No.\u001b]0;owned\u0007\u001b[2J\r\n$ '
    const proxy = await behind(async () => ({
      status: 404,
      text: JSON.stringify({ error: { code: 'NOT_FOUND', message } }),
    }))
    try {
      const { err } = await approveAt(proxy.url, 'r-000000000000')
      expect(err).toBe('No. ]0;owned  [2J  $ \n')
    } finally {
      proxy.close()
    }
  })
})

describe('as credential_process', () => {
  let grantId: string

  beforeAll(async () => {
    await login('rita')
    await login('max')
    grantId = await grantFor()
  })

  test('prints the JSON that AWS SDKs read, and nothing else', async () => {
    const ran = await latchkey('rita', 'credentials', grantId)
    expect([ran.code, ran.err]).toEqual([0, ''])
    expect(Object.keys(JSON.parse(ran.out))).toEqual([
      'Version',
      'AccessKeyId',
      'SecretAccessKey',
      'SessionToken',
      'Expiration',
    ])
  })

  test('asks the Latchkey where the person signed in, where nothing else is said', async () => {
    const { LATCHKEY_URL: _unsaid, ...env } = environmentOf('rita')
    const ran = await runHere(['credentials', grantId], env)
    expect([ran.code, ran.err]).toEqual([0, ''])
  })

  test('refreshes an old access token silently, however many processes do so at once', async () => {
    await ageSignIn('rita', { expiresAt: 0 })
    const before = await readSignIn('rita')
    const ran = await Promise.all([1, 2, 3].map(() => latchkey('rita', 'credentials', grantId)))
    expect(ran.map(({ code, err }) => [code, err])).toEqual([
      [0, ''],
      [0, ''],
      [0, ''],
    ])
    expect((await readSignIn('rita')).accessToken).not.toBe(before.accessToken)
  })

  test('somebody else gets one sentence and no credentials', async () => {
    const ran = await here('max', 'credentials', grantId)
    expect([ran.code, ran.out]).toEqual([1, ''])
    expect(ran.err).toBe('There is no such grant, or it is not yours to see. Check the id.\n')
  })

  test('a sign-in that Entra ended asks for a new one, and shows no token', async () => {
    const { accessToken } = await readSignIn('max')
    await ageSignIn('max', { expiresAt: 0, refreshToken: 'ended' })
    const ran = await here('max', 'requests', '--to-review')
    expect(ran).toEqual({ code: 1, out: '', err: 'You are not signed in. Run `latchkey login` and try again.\n' })
    expect(ran.err).not.toContain(accessToken)
    await login('max')
  })

  test('after done, says when it ended', async () => {
    const ended = await here('rita', 'done', grantId)
    expect(ended.out).toMatch(new RegExp(`^${grantId}  revoking  write s3://finance-reports/2026/ for 45m\\n$`))
    expect(ended.err).toMatch(
      /^AWS (has been told to refuse it\.|is being told to refuse it; `latchkey grants g-\S+` says)/,
    )
    const over = async () => expect((await here('rita', 'grants', grantId)).out).toMatch(/ {2}revoked {2}.+, ended \d/)
    await vi.waitFor(over, SOON)
    expect((await here('rita', 'grants', grantId)).err).toBe('')
    // The approver may end the grant. They have nothing to request again.
    expect(await here('max', 'done', grantId)).toMatchObject({
      code: 1,
      err: expect.stringMatching(new RegExp(`^It is over already: ${grantId}  revoked  .+, ended \\S+Z\\.\\n$`)),
    })
    const ran = await here('rita', 'credentials', grantId)
    expect([ran.code, ran.out]).toEqual([1, ''])
    expect(ran.err).toMatch(
      new RegExp(`^Grant ${grantId} ended at [^\\n]+ UTC\\. Ask again if you still need access\\.\\n$`),
    )
  })

  test('logout forgets the sign-in', async () => {
    expect(await here('rita', 'logout')).toEqual({ code: 0, out: '', err: 'You are signed out on this machine.\n' })
    expect((await here('rita', 'credentials', grantId)).err).toContain('latchkey login')
  })
})

describe('an AWS profile', () => {
  const aws = spawnSync('aws', ['--version'], { stdio: 'ignore' }).status === 0
  let config: string
  let grantId: string

  const profile = (...words: string[]) => hereWith({ AWS_CONFIG_FILE: config }, 'rita', 'profile', ...words)

  beforeAll(async () => {
    config = join(home, 'aws config')
    await login('rita')
    await login('max')
    grantId = await grantFor()
  })

  test('is written where there was no file, for its owner alone, and says the command to begin with', async () => {
    const ran = await finish(start('rita', ['profile', grantId], { AWS_CONFIG_FILE: config }))
    expect([ran.code, ran.out]).toEqual([0, `aws s3 ls s3://finance-reports/2026/ --profile latchkey-${grantId}\n`])
    expect((await stat(config)).mode & 0o777).toBe(0o600)
    const text = await readFile(config, 'utf8')
    expect(text).toContain(
      `credential_process = "${process.execPath}" "${CLI}" credentials ${grantId}\nregion = eu-west-1`,
    )
  })

  test('leaves everything else in the file as it is, with its mode, and a link to the file a link', async () => {
    const real = join(home, 'dotfiles-config')
    const others = Buffer.from(
      '[default]\r\nregion = us-east-1\r\n# caf\xe9\r\n[profile other]\r\ns3 =\r\n  max_queue_size = 1',
      'latin1',
    )
    await writeFile(real, others, { mode: 0o640 })
    await rm(config)
    await symlink(real, config)
    expect((await profile(grantId, '--name', 'work', '--region', 'eu-north-1')).code).toBe(0)
    const written = await readFile(real)
    expect(written.subarray(0, others.length).equals(others)).toBe(true)
    expect(written.subarray(others.length).toString()).toContain('[profile work]\r\n')
    expect((await stat(real)).mode & 0o777).toBe(0o640)
    expect((await profile('--remove', grantId)).code).toBe(0)
    expect((await readFile(config)).equals(Buffer.concat([others, Buffer.from('\r\n')]))).toBe(true)
    expect((await profile('--remove', grantId)).err).toContain(`There is no profile of ${grantId}`)
  })

  test('of the name of one that Latchkey did not write is refused, and so is a name that is none', async () => {
    const before = await readFile(config)
    for (const name of ['other', 'default', 'a]\nb'])
      expect((await profile(grantId, '--name', name)).code, name).toBe(1)
    expect((await readFile(config)).equals(before)).toBe(true)
  })

  test.skipIf(!aws)(
    'gives the AWS CLI what it needs, and its sentence once the grant is over (needs aws on the PATH)',
    async () => {
      // AWS CLI 1 reads only UTF-8.
      await writeFile(config, '[default]\nregion = us-east-1\n# café\n[profile other]\n')
      await mkdir(join(home, 'Jürgen ノード'))
      const cli = join(home, 'Jürgen ノード', 'dist')
      await symlink(join(CLI, '../..'), cli)
      const words = ['profile', grantId, '--name', 'mine']
      await finish(start('rita', words, { AWS_CONFIG_FILE: config }, join(cli, 'src/cli.js')))
      expect(await readFile(config, 'utf8')).toContain(`# café\n[profile other]\n`)
      expect(await readFile(config, 'utf8')).toContain(`"${cli}/src/cli.js" credentials`)
      const run = async () => {
        const env = {
          PATH: process.env.PATH ?? '',
          NODE_EXTRA_CA_CERTS: process.env.NODE_EXTRA_CA_CERTS ?? '',
          XDG_CONFIG_HOME: join(home, 'rita'),
          AWS_CONFIG_FILE: config,
          AWS_ENDPOINT_URL: world.aws.url,
        }
        const child = spawn('aws', ['s3', 'ls', 's3://finance-reports/2026/', '--profile', 'mine'], { env })
        const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
        return { code, out, err }
      }
      expect(await run()).toMatchObject({ err: '' })
      await here('rita', 'done', grantId)
      const over = await run()
      expect(over.code).not.toBe(0)
      expect(over.err).toMatch(new RegExp(`Grant ${grantId} ended at .+ UTC\\. Ask again if you still need access\\.`))
    },
    60_000,
  )

  test('goes with its grant: when another one is written, and when that one is done', async () => {
    const over = await grantFor()
    await profile(over, '--name', 'mine')
    await here('rita', 'done', over)
    expect((await profile(over)).err).toContain(`Grant ${over} is over`)
    const next = await grantFor()
    expect((await profile(next)).err).toContain('it is rid of mine')
    const written = await readFile(config, 'utf8')
    expect(written).not.toContain(over)
    expect(written).toContain('[profile other]')
    expect(written).toContain(next)
    expect((await profile()).out).toContain(`latchkey-${next}  ${next}\n`)
    const done = await hereWith({ AWS_CONFIG_FILE: config }, 'rita', 'done', next)
    expect([done.code, done.err]).toEqual([
      0,
      expect.stringContaining(`Removed from ${config}: latchkey-${next}.\nAWS `),
    ])
    expect(done.out).toContain(`${next}  revoking`)
    expect(await readFile(config, 'utf8')).toBe(written.slice(0, written.indexOf(`\n# latchkey ${next}`)))
  })
})

test('an extension says which grant it is to let go on, when it is asked for and in the list', async () => {
  await login('rita')
  await login('max')
  const grantId = await grantFor()
  const asked = await here('rita', 'extend', grantId, '--for', '2h', '--because', 'the export still runs')
  const line = `for 2h, extends ${grantId}, because the export still runs`
  expect(asked.out).toContain(line)
  expect((await here('rita', 'requests')).out).toContain(line)
  await here('rita', 'done', grantId)
})

describe('other ways to use a grant', () => {
  let grantId: string

  beforeAll(async () => {
    await login('rita')
    await login('max')
    grantId = await grantFor()
  })

  test.each([
    [[], /^export AWS_ACCESS_KEY_ID='ASIA\w+'\nexport AWS_SECRET_ACCESS_KEY='.+'\nexport AWS_SESSION_TOKEN='.+'\n/],
    [['--powershell'], /^\$Env:AWS_ACCESS_KEY_ID = 'ASIA\w+'\n\$Env:AWS_SECRET_ACCESS_KEY = '.+'\n/],
  ])('environment variables, once (%s)', async (options, form) => {
    const ran = await here('rita', 'env', grantId, ...options)
    expect([ran.code, ran.err]).toEqual([0, ''])
    expect(ran.out).toMatch(form)
    expect(ran.out).toMatch(/AWS_REGION ?= ?'eu-west-1'/)
  })

  test('the link to the console is printed where nobody opens a browser', async () => {
    const { code, out, err } = await here('rita', 'console', grantId, '--print')
    expect([code, err]).toEqual([0, ''])
    expect(await (await fetch(out.trim())).text()).toContain(`/${grantId}</p>`)
  })

  test('a link to one object is for a grant of one object', async () => {
    const wide = await here('rita', 'link', grantId)
    expect([wide.code, wide.out]).toEqual([1, ''])
    expect(wide.err).toContain('only for a grant of exactly one object')
    const one = await grantFor('s3://finance-reports/2026/report.csv')
    const { code, out, err } = await here('rita', 'link', one, '--put')
    expect([code, err]).toEqual([0, expect.stringContaining('Whoever has this link can use it until')])
    expect((await fetch(out.trim(), { method: 'PUT', body: 'x' })).status).toBe(200)
  })
})
