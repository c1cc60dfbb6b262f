import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { PEOPLE } from '../../../sandbox/entra/fixture.ts'
import { type Product, refusal, startProduct } from '../../fixtures/product.ts'
import { RULES } from '../../fixtures/world.ts'

const CLI = fileURLToPath(new URL('../../../dist/src/cli.js', import.meta.url))
const LEVELS = 'levels: [read, write, delete]\n'

let product: Product
let home: string

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'latchkey-cli-'))
  const rules = RULES.replace(LEVELS, `${LEVELS}    conditions: {mfa: true}\n`)
  product = await startProduct({ rules, env: { ENTRA_MFA_CONTEXT: 'c1' } })
  await product.startWorkers()
})

afterAll(async () => {
  await product.stop()
  await rm(home, { recursive: true, force: true })
})

async function latchkey(words: readonly string[], follow: (link: string) => Promise<void> = async () => undefined) {
  const { PATH = '', NODE_EXTRA_CA_CERTS = '' } = process.env
  const env = { PATH, NODE_EXTRA_CA_CERTS, LATCHKEY_URL: product.web.url, XDG_CONFIG_HOME: home }
  const child = spawn(process.execPath, [CLI, ...words], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let followed: Promise<void> | undefined
  child.stderr.on('data', (said) => {
    const link = /^(https:\S+)\n/m.exec(String(said))?.[1]
    if (link !== undefined) followed ??= follow(link)
  })
  const [out] = await Promise.all([text(child.stdout), once(child, 'close')])
  await followed
  return { code: child.exitCode, out }
}

test('a sign-in at the command line is had with the second factor that a grant wants, and one without gets nothing', async () => {
  const grantId = await product.active()
  const without = refusal(await product.vend('rita', grantId))
  expect(without).toMatchObject({ status: 401, code: 'NOT_SIGNED_IN', message: expect.stringMatching(/second factor/) })

  await latchkey(['login', '--no-browser'], async (link) => {
    await (await fetch(await product.entra.signIn(PEOPLE.rita, link))).text()
  })
  const credentialsCache = await latchkey(['credentials', grantId])
  expect([credentialsCache.code, Object.keys(JSON.parse(credentialsCache.out))]).toEqual([
    0,
    expect.arrayContaining(['SessionToken']),
  ])
})
