import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { PEOPLE, type PersonName } from '../sandbox/entra/fixture.ts'
import { startWorld, type World } from '../sandbox/world.ts'

const CLI = fileURLToPath(new URL('../../dist/src/cli.js', import.meta.url))
const SOON = { timeout: 30_000, interval: 100 }

interface Ran {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

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

function start(person: PersonName, words: readonly string[], env: Readonly<Record<string, string>> = {}) {
  return spawn(process.execPath, [CLI, ...words], {
    env: {
      PATH: process.env.PATH ?? '',
      NODE_EXTRA_CA_CERTS: process.env.NODE_EXTRA_CA_CERTS ?? '',
      LATCHKEY_URL: world.web.url,
      XDG_CONFIG_HOME: join(home, person),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

type Running = ReturnType<typeof start>

async function finish(child: Running, onError: (text: string) => void = () => undefined): Promise<Ran> {
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

async function latchkey(person: PersonName, ...words: string[]): Promise<Ran> {
  return await finish(start(person, words))
}

/** The person's browser follows the printed link, and comes back to the port that the CLI listens on. */
async function login(person: PersonName): Promise<Ran> {
  const child = start(person, ['login', '--no-browser'])
  let back: Promise<void> | undefined
  const ran = await finish(child, (text) => {
    const link = /^(https:\S+)\n/m.exec(text)?.[1]
    if (link !== undefined) back ??= comeBack(person, link)
    back?.catch(() => child.kill())
  })
  await back
  return ran
}

async function comeBack(person: PersonName, link: string): Promise<void> {
  const back = await world.entra.signIn(PEOPLE[person], link)
  await (await fetch(back)).text()
}

const signInFile = z.looseObject({ accessToken: z.string(), refreshToken: z.string(), expiresAt: z.number() })

async function readSignIn(person: PersonName) {
  return signInFile.parse(JSON.parse(await readFile(join(home, person, 'latchkey', 'sign-in.json'), 'utf8')))
}

async function ageSignIn(person: PersonName, changes: object): Promise<void> {
  const path = join(home, person, 'latchkey', 'sign-in.json')
  await writeFile(path, JSON.stringify({ ...(await readSignIn(person)), ...changes }))
}

async function grantFor(): Promise<string> {
  const ask = ['request', 'write', 's3://finance-reports/2026/', '--for', '45m', '--because', 'month-end fix']
  const requestId = /^(r-\S+) {2}pending/.exec((await latchkey('rita', ...ask)).out)?.[1] ?? 'none'
  const approved = await latchkey('max', 'approve', requestId, '--comment', 'go ahead')
  const grantId = /approved {2}(g-\S+)/.exec(approved.out)?.[1] ?? 'none'
  await vi.waitFor(async () => expect((await latchkey('rita', 'grants')).out).toContain(`${grantId}  active`), SOON)
  return grantId
}

describe('signing in', () => {
  test('leaves a sign-in that only its owner can read, and says nothing secret', async () => {
    const ran = await login('rita')
    expect([ran.code, ran.out]).toEqual([0, ''])
    expect(ran.err).toContain(`You are signed in at ${world.web.url}.`)
    const folder = join(home, 'rita', 'latchkey')
    expect((await stat(folder)).mode & 0o777).toBe(0o700)
    expect((await stat(join(folder, 'sign-in.json'))).mode & 0o777).toBe(0o600)
    const { accessToken, refreshToken } = await readSignIn('rita')
    for (const secret of [accessToken, refreshToken]) expect(ran.err).not.toContain(secret)
  })

  test('closes a folder that others could read', async () => {
    await chmod(join(home, 'rita', 'latchkey'), 0o755)
    expect((await login('rita')).code).toBe(0)
    expect((await stat(join(home, 'rita', 'latchkey'))).mode & 0o777).toBe(0o700)
  })

  test('a redirect that this sign-in did not ask for is not taken', async () => {
    const child = start('finn', ['login', '--no-browser'])
    const finished = finish(child, (text) => {
      const link = /^(https:\S+)\n/m.exec(text)?.[1]
      if (link === undefined || child.killed) return
      const redirect = new URL(link).searchParams.get('redirect_uri')
      void fetch(`${redirect}?code=stolen&state=other`).then((response) => {
        expect(response.status).toBe(404)
        child.kill()
      })
    })
    await finished
    await expect(readSignIn('finn')).rejects.toThrow('ENOENT')
  })

  test.each([['http://latchkey.example.com'], ['http://localhost:3978'], ['latchkey.example.com'], ['']])(
    'a token is never sent to LATCHKEY_URL=%s',
    async (url) => {
      const ran = await finish(start('rita', ['grants'], { LATCHKEY_URL: url }))
      expect([ran.code, ran.out]).toEqual([1, ''])
      expect(ran.err).toContain('Set LATCHKEY_URL to the https address')
    },
  )

  test('whoever is not signed in is told how to', async () => {
    const ran = await latchkey('noor', 'grants')
    expect(ran).toEqual({ code: 1, out: '', err: 'You are not signed in. Run `latchkey login` and try again.\n' })
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
    const ran = await latchkey('max', 'credentials', grantId)
    expect([ran.code, ran.out]).toEqual([1, ''])
    expect(ran.err).toBe('There is no such grant, or it is not yours to see. Check the id.\n')
  })

  test('a sign-in that Entra ended asks for a new one, and shows no token', async () => {
    const { accessToken } = await readSignIn('max')
    await ageSignIn('max', { expiresAt: 0, refreshToken: 'ended' })
    const ran = await latchkey('max', 'requests', '--to-review')
    expect(ran).toEqual({ code: 1, out: '', err: 'You are not signed in. Run `latchkey login` and try again.\n' })
    expect(ran.err).not.toContain(accessToken)
    await login('max')
  })

  test('after done, says when it ended', async () => {
    expect((await latchkey('rita', 'done', grantId)).out).toContain(`${grantId}  revoking`)
    const ran = await latchkey('rita', 'credentials', grantId)
    expect([ran.code, ran.out]).toEqual([1, ''])
    expect(ran.err).toMatch(/^This grant ended at .+\. Ask again if you still need access\.\n$/)
  })

  test('logout forgets the sign-in', async () => {
    expect((await latchkey('rita', 'logout')).code).toBe(0)
    expect((await latchkey('rita', 'credentials', grantId)).err).toContain('latchkey login')
  })
})
