import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { seeMessage } from '../../sandbox/demo/rooms.ts'
import { openTerminal } from '../../sandbox/demo/terminal.ts'
import { GROUPS, PEOPLE, type PersonName, TENANT_ID } from '../../sandbox/entra/fixture.ts'
import { createRoster } from '../../sandbox/teams/roster.ts'
import { APPROVE, ASK, DENY, eventually, type Product, startProduct, write } from '../fixtures/product.ts'
import type { WorldOptions } from '../fixtures/world.ts'

/** A story of the whole product that writes nearly every name that can be stored. */

const APP_ID = '7c9e6679-7425-40de-944b-e07fc1f90ae7'
/** The sandbox's Teams makes the channel's id from APP_ID, so the rules can name the channel before Teams runs. */
const CHANNEL = createRoster({ appId: APP_ID, tenantId: TENANT_ID, botName: 'Latchkey' }).channel.id
const SCOPE = 's3://finance-reports/'
export const METRICS_TOKEN = 'metrics-token-of-this-test'

/** Rita gets sessions, Finn gets policies on his own user, and the security channel gets notices. */
const RULES = `version: 1
people: { finn: ${PEOPLE.finn} }
groups: { finance: ${GROUPS.finance}, data-owners: ${GROUPS.dataOwners} }
accounts:
  prod: { id: "111122223333", elevationRole: latchkey/prod }
buckets:
  finance-reports: { account: prod, region: eu-west-1, owners: ["group:data-owners"] }
principals:
  prod:
    person:finn: { user: finn }
securityChannel: "${CHANNEL}"
entitlements:
  - name: own-user
    who: ["person:finn"]
    scopes: [${SCOPE}]
    levels: [read, write]
    driver: attach
    duration: { default: 45m, longest: 8h }
    approval: [{ need: 1, from: [manager, "group:data-owners"] }]
  - name: finance-reports
    who: ["group:finance"]
    scopes: [${SCOPE}]
    levels: [read, write, delete]
    duration: { default: 45m, longest: 8h }
    conditions: { sourceIps: [127.0.0.0/8, "::1/128"] }
    approval: [{ need: 1, from: [manager, "group:data-owners"] }]
...
`

/** The world of the story. Only web runs. */
export function startStoryWorld(options: WorldOptions = {}): Promise<Product> {
  const seed = { entities: [{ kind: 'user', name: 'finn' }] } as const
  return startProduct({ rules: RULES, seed, teams: { appId: APP_ID }, ...options })
}

export async function startStory(): Promise<Product> {
  const product = await startStoryWorld({ env: { METRICS_TOKEN }, watch: true })
  const { teams } = product
  await Promise.all([teams.open('rita'), teams.open('max'), product.startWorkers()])
  return product
}

/** The files of the CLI on a person's machine. */
export interface CliFiles {
  readonly signIn: readonly (readonly [file: string, text: string])[]
  readonly awsConfig: string
}

export async function playStory(product: Product): Promise<CliFiles> {
  const kept = await workWithSession(product)
  await Promise.all([workWithOwnUser(product), endOnTime(product), neverGranted(product)])
  await tamper(product)
  await recover(product)
  // Of the CloudTrail record that the route accepted.
  await eventually(async () => expect(await product.events('write.unexplained')).not.toEqual([]))
  await eventually(async () => expect(await product.cli.xlen('{latchkey}:outbox')).toBe(0))
  return kept
}

/** Requested by the form, approved by a click, used, extended, ended by the requester. */
async function workWithSession(product: Product): Promise<CliFiles> {
  const { teams, cli } = product
  await teams.say('rita', 'request')
  const form = await seeMessage(product, 'rita', 'personal', ['Ask for access'])
  const inputs = {
    scope: SCOPE,
    below: '2026/',
    levels: 'write',
    duration: '45m',
    reason: 'by the form',
    ticket: 'FIN-1',
  }
  expect(await teams.click('rita', form.id, 'ask', inputs)).toMatchObject({ kind: 'card' })
  const asked = await seeMessage(product, 'max', 'personal', ['by the form'])
  expect(await teams.click('max', asked.id, 'approve', { comment: 'fine' })).toMatchObject({ kind: 'card' })
  const { body } = await product.call('rita', '/requests')
  const requestId = body.requests?.[0]?.id ?? ''
  const grantId = (await product.call('rita', `/requests/${requestId}`)).body.grantId ?? ''
  await product.untilStatus(grantId, 'active')

  const credentials = await product.vend('rita', grantId)
  expect(credentials.status).toBe(200)
  expect(await write(product, credentials)).toBe('written')
  expect(await write(product, credentials, '2025/report.csv')).toBe('AccessDenied')
  await product.call('rita', `/grants/${grantId}/console`)
  await product.call('max', `/grants/${grantId}/credentials`)
  await eventually(async () => expect(await cli.hgetall(`{latchkey}:digest:${grantId}`)).toMatchObject({ denied: '1' }))
  const kept = await atTerminal(product, grantId)

  await product.call('max', `/grants/${grantId}/extend`, { duration: '1h', reason: 'not mine' })
  await extend(product, 'rita', grantId)
  await product.untilStatus(grantId, 'active')
  await product.call('finn', `/grants/${grantId}/end`)
  expect((await product.call('rita', `/grants/${grantId}/end`)).status).toBe(200)
  await product.untilStatus(grantId, 'revoked')
  return kept
}

async function extend(product: Product, person: PersonName, grantId: string): Promise<void> {
  const more = { duration: '1h', reason: 'the export still runs' }
  const { status, body } = await product.call(person, `/grants/${grantId}/extend`, more)
  expect(status).toBe(201)
  expect((await product.review('max', body.id ?? '', APPROVE)).status).toBe(200)
  await eventually(async () => expect(await product.events('grant.extended', grantId)).toHaveLength(1))
}

async function atTerminal(product: Product, grantId: string): Promise<CliFiles> {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-golden-'))
  try {
    const terminal = await openTerminal(product, 'rita', folder)
    await terminal.login()
    expect(await terminal.latchkey('profile', grantId)).toMatchObject({ code: 0 })
    const config = join(folder, 'rita/.config/latchkey')
    const names = await readdir(config)
    const signIn = await Promise.all(
      names.map(async (name) => [name, await readFile(join(config, name), 'utf8')] as const),
    )
    return { signIn, awsConfig: await readFile(join(folder, 'rita/.aws/config'), 'utf8') }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** The driver `attach`; ended by the approver. */
async function workWithOwnUser(product: Product): Promise<void> {
  const grantId = await product.active('finn')
  await extend(product, 'finn', grantId)
  await eventually(async () => expect(await product.stored('grant', grantId)).not.toHaveProperty('unwritten'))
  expect((await product.call('max', `/grants/${grantId}/end`)).status).toBe(200)
  await product.untilStatus(grantId, 'revoked')
}

/** As if the grant's time had passed. */
async function endOnTime(product: Product): Promise<void> {
  const grantId = await product.active('rita')
  const endsAt = new Date(Date.now() - 1_000).toISOString()
  await product.forge('grant', grantId, { ...(await product.stored('grant', grantId)), endsAt })
  await product.cli.zadd('{latchkey}:due:grants', Date.parse(endsAt) - 60_000, grantId)
  await product.untilStatus(grantId, 'expired')
}

async function neverGranted(product: Product): Promise<void> {
  expect((await product.call('rita', '/requests', { ...ASK, scope: 's3://payroll/' })).status).toBe(422)
  const cancelled = await product.ask('noor')
  await product.review('finn', cancelled, APPROVE)
  await product.call('max', `/requests/${cancelled}/cancel`)
  expect((await product.call('noor', `/requests/${cancelled}/cancel`)).status).toBe(200)
  expect((await product.review('max', await product.ask('nils'), DENY)).status).toBe(404)
  const denied = await product.ask('finn')
  expect((await product.review('max', denied, DENY)).status).toBe(200)
  const lapsed = await product.ask('rita')
  const lapsesAt = new Date(Date.now() - 1_000).toISOString()
  await product.lapseAt(lapsed, lapsesAt)
  await eventually(async () => expect((await product.stored('request', lapsed)).status).toBe('lapsed'))
}

/** Writes to Redis directly, as an attacker. */
async function tamper(product: Product): Promise<void> {
  const asked = await product.ask('rita')
  await product.forge('request', asked, { ...(await product.stored('request', asked)), reason: 'forged' })
  expect((await product.review('max', asked, APPROVE)).status).toBe(404)
  const grantId = await product.active('rita')
  await product.forge('grant', grantId, { ...(await product.stored('grant', grantId)), mac: 'forged' })
  await product.vend('rita', grantId)
  await product.untilStatus(grantId, 'revoked')
}

async function recover(product: Product): Promise<void> {
  const { accessKeyId, secretAccessKey } = product.seeded.keys.workers
  const workers = { WORKERS_AWS_ACCESS_KEY_ID: accessKeyId, WORKERS_AWS_SECRET_ACCESS_KEY: secretAccessKey }
  expect(await product.operate(['recover', '--yes'], workers)).toMatchObject({ code: 0 })
  await eventually(async () => expect(await product.events('notice.posted')).not.toEqual([]))
}
