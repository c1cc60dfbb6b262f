import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { profile } from '../../../src/cli/person/profile.ts'
import { grantView } from '../../../src/views/grant-view.ts'
import { someGrant } from '../../unit/grants/a-grant.ts'

/** `latchkey profile` against a server that an attacker controls. */

const GRANT = 'g-0123456789ab'
const OTHER = 'g-ba9876543210'
const OTHERS = '[default]\nregion = us-east-1\n'

let answered = {}
let listed: readonly object[] = []
const server = createServer((request, response) => {
  const body = request.url?.startsWith('/api/v1/grants?') ? { grants: listed } : answered
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
})
let home: string

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'latchkey-profile-'))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('There is no address.')
  const url = `http://127.0.0.1:${address.port}`
  const app = { openIdConnectUrl: `${url}/oidc`, clientId: 'cli', scope: 'api' }
  await mkdir(join(home, 'latchkey'), { mode: 0o700 })
  const signIn = { url, ...app, accessToken: 'token', expiresAt: Date.now() + 3_600_000 }
  await writeFile(join(home, 'latchkey', 'sign-in.json'), JSON.stringify(signIn), { mode: 0o600 })
  await writeFile(join(home, 'config'), OTHERS)
  const files = { AWS_CONFIG_FILE: join(home, 'config'), AWS_SHARED_CREDENTIALS_FILE: join(home, 'credentials') }
  const environment = { XDG_CONFIG_HOME: home, ...files, LATCHKEY_URL: url }
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value)
})

afterAll(async () => {
  server.close()
  await rm(home, { recursive: true })
})

function grantOf(changes: object): object {
  const counts = { written: 0, copied: 0, deleted: 0, 'batch-deleted': 0, tagged: 0, other: 0, denied: 0 }
  const writes = { counts, bytes: 0, firstAt: null, lastAt: null, last: [] }
  return { ...grantView(someGrant({ id: GRANT }), writes), region: 'eu-west-1', ...changes }
}

test.each([
  ['another grant', GRANT, { id: OTHER }, 'did not answer with grant'],
  ['an id that is none, also where it was asked for', 'g-1" evil', { id: 'g-1" evil' }, 'did not answer with grant'],
  ['newlines by their low bytes', GRANT, { id: `${GRANT}\u010a[profile b]` }, 'did not answer with grant'],
  ['a region with them', GRANT, { region: 'eu-west-1\u010a[profile b]' }, 'A region is written as'],
])('%s in the answer leaves ~/.aws/config as it is', async (_what, asked, changes, sentence) => {
  answered = grantOf(changes)
  await expect(profile(asked, { name: 'mine' })).rejects.toThrow(sentence)
  expect(await readFile(join(home, 'config'), 'utf8')).toBe(OTHERS)
})

test('a name that stands among the credentials is refused: its static keys would be used, and not those of the grant', async () => {
  answered = grantOf({})
  const keys = '[other]\n[mine]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = s\n'
  await writeFile(join(home, 'credentials'), keys)
  const refused = profile(GRANT, { name: 'mine' })
  await expect(refused).rejects.toThrow(`There is a profile mine in ${join(home, 'credentials')}`)
  expect(await readFile(join(home, 'config'), 'utf8')).toBe(OTHERS)
  await writeFile(join(home, 'credentials'), keys.replace('mine', 'theirs'))
})

test('the grant that was asked for is written', async () => {
  answered = grantOf({})
  await profile(GRANT, { name: 'mine' })
  expect(await readFile(join(home, 'config'), 'utf8')).toContain(`[profile mine]\n`)
})

test('of a grant that is not active yet, it says so', async () => {
  answered = grantOf({ status: 'activating', endsAt: null })
  const [out, err] = [process.stdout, process.stderr].map((to) => vi.spyOn(to, 'write').mockReturnValue(true))
  await profile(GRANT, { name: 'mine' })
  const said = String(err?.mock.calls)
  out?.mockRestore()
  err?.mockRestore()
  expect(said).toContain(
    ` Grant ${GRANT} is not active yet; \`latchkey grants ${GRANT}\` says when it is. From then on:\n`,
  )
})

test('without a grant, the profiles of those that are over go, and the others are listed', async () => {
  for (const [id, name] of [
    [GRANT, 'mine'],
    [OTHER, 'over'],
  ] as const) {
    answered = grantOf({ id })
    await profile(id, { name })
  }
  listed = [grantOf({}), grantOf({ id: OTHER, status: 'expired' })]
  const [out, err] = [process.stdout, process.stderr].map((to) => vi.spyOn(to, 'write').mockReturnValue(true))
  await profile(undefined, {})
  expect(out?.mock.calls).toEqual([[`mine  ${GRANT}\n`]])
  expect(String(err?.mock.calls)).toContain('it is rid of over.')
  expect(await readFile(join(home, 'config'), 'utf8')).not.toContain('over]')
  await expect(profile(undefined, { remove: true })).rejects.toThrow('Say of which grant')
})

const ONE = 's3://finance-reports/q3.csv'
const UNDER = 's3://finance-reports/2026/'

test.each([
  [['read', 'delete'], ONE, `s3 cp ${ONE} .`],
  [['write', 'delete'], ONE, `s3 cp ./file ${ONE}`],
  [['delete'], ONE, `s3 rm ${ONE}`],
  [['tag'], ONE, 's3api get-object-tagging --bucket finance-reports --key q3.csv'],
  [['purge'], ONE, 's3api get-object --bucket finance-reports --key q3.csv --version-id null ./file'],
  [['purge'], UNDER, 's3api list-object-versions --bucket finance-reports --prefix 2026/'],
  [['purge'], 's3://finance-reports/', 's3api list-object-versions --bucket finance-reports'],
  [['tag'], UNDER, `s3 ls ${UNDER}`],
])('what is printed for %j on %s, the grant allows', async (levels, scope, command) => {
  answered = grantOf({ levels, scopes: [scope] })
  const out = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
  await profile(GRANT, { name: 'mine' })
  const said = out.mock.calls.map(([text]) => String(text)).join('')
  out.mockRestore()
  expect(said).toBe(`aws ${command} --profile mine\n`)
})

test.each(['-x', '.x', '_x'])('a profile is not named %s, which a tool would take for something else', async (name) => {
  answered = grantOf({})
  await expect(profile(GRANT, { name })).rejects.toThrow('begins with a letter or digit')
})
