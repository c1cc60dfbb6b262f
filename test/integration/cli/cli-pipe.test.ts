import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { someRequest } from '../../fixtures/sample-views.ts'

/** `latchkey … | head -1`: the reader stops before the end. */

const CLI = fileURLToPath(new URL('../../../dist/src/cli.js', import.meta.url))
const PATH = process.env.PATH ?? ''

const posted: string[] = []
const server = createServer((request, response) => {
  if (request.method === 'POST') posted.push(request.url ?? '')
  const isList = request.url?.startsWith('/api/v1/requests?') ?? false
  const requests = Array.from({ length: 100 }, () => someRequest())
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end(JSON.stringify(isList ? { requests } : someRequest()))
})
let home: string
let url: string

beforeAll(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  home = await mkdtemp(join(tmpdir(), 'latchkey-pipe-'))
  await mkdir(join(home, 'latchkey'), { mode: 0o700 })
  const accessToken = { accessToken: 'a-token', expiresAt: Date.now() + 3_600_000 }
  const signIn = { url, openIdConnectUrl: `${url}/entra`, clientId: 'cli', scope: 'access', ...accessToken }
  await writeFile(join(home, 'latchkey', 'sign-in.json'), JSON.stringify(signIn), { mode: 0o600 })
})
afterAll(async () => {
  server.closeAllConnections()
  server.close()
  await rm(home, { recursive: true, force: true })
})

/** Connects the named streams to a pipe without a reader: opens it for both ends and keeps only the writing end. */
async function unread(closed: '3' | '3 2>&3', words: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const pipe = join(home, randomUUID())
  const script = `mkfifo "$0" && exec 4<>"$0" 3>"$0" 4>&- && exec "$@" >&${closed}`
  const child = spawn('sh', ['-c', script, pipe, process.execPath, CLI, ...words], {
    env: { PATH, LATCHKEY_URL: url, XDG_CONFIG_HOME: home, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const [said] = await Promise.all([text(child.stderr), once(child, 'close')])
  return { code: child.exitCode, said }
}

test('what nobody reads to the end ends well, and says nothing of it', async () => {
  expect(await unread('3', ['requests'])).toEqual({ code: 0, said: '' })
})

test('what was asked for is done all the same', async () => {
  const { code } = await unread('3', ['approve', 'r-0123456789ab', '--yes'])
  expect([code, posted]).toEqual([0, ['/api/v1/requests/r-0123456789ab/reviews']])
})

test('what failed still ends with 1, where nobody reads the sentence either', async () => {
  expect(await unread('3 2>&3', ['requests'], { LATCHKEY_URL: 'http://example.com' })).toEqual({ code: 1, said: '' })
})

test('what was done ends with 0, where nobody reads what is said beside it', async () => {
  expect(await unread('3 2>&3', ['extend', 'g-0123456789ab', '--because', 'it goes on'])).toEqual({ code: 0, said: '' })
})
