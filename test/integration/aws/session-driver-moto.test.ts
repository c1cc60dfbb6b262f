import { spawn, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { attach, refuseWithoutRoom } from '../../../src/aws/attach/attach-policy.ts'
import { awsClients } from '../../../src/aws/clients.ts'
import { readPrincipals } from '../../../src/aws/doctor/principals.ts'
import { awsDriver } from '../../../src/aws/driver.ts'
import { readAccount } from '../../../src/aws/feed/account.ts'
import { isUnwired, readWiring, sayDifference, wiringDrift } from '../../../src/aws/feed/compare-feed.ts'
import { putDeadLetters } from '../../../src/aws/feed/dead-letters.ts'
import { desiredState } from '../../../src/aws/feed/desired-state.ts'
import { readIdentities } from '../../../src/aws/feed/latchkey-identities.ts'
import { testWiring } from '../../../src/aws/feed/self-test.ts'
import { applyWiring } from '../../../src/aws/feed/setup.ts'
import { removeWiring } from '../../../src/aws/feed/teardown.ts'
import { readTrails } from '../../../src/aws/feed/trail.ts'
import { objectLinks } from '../../../src/aws/presigned-url.ts'
import { regionClients } from '../../../src/aws/region-clients.ts'
import { feedRegions } from '../../../src/aws/regions.ts'
import type { Driver, GrantDraft, GrantOrder } from '../../../src/grants/driver.ts'
import { entityOf } from '../../../src/grants/iam-entity.ts'
import type { AttachPrincipal } from '../../../src/grants/principal.ts'
import { attachDocument } from '../../../src/policies/attached-policy.ts'
import { DENY_POLICY, denyDocument } from '../../../src/policies/deny-document.ts'
import type { Bucket } from '../../../src/rules/rules.ts'
import { sessionPrincipal } from '../../contract/driver.contract.ts'
import { ACCOUNT, BUCKET, type Moto, REGION, startMoto } from '../../fixtures/moto.ts'
import { DENIED_ON } from '../../unit/grants/a-grant.ts'

const present = spawnSync('moto_server', ['--help'], { stdio: 'ignore' }).status === 0
const boto3 = spawnSync('python3', ['-c', 'import boto3'], { stdio: 'ignore' }).status === 0

const SOURCES = fileURLToPath(new URL('../../../src/aws/', import.meta.url))

/** The names of all SDK commands that src/aws imports. */
function importedCommands(): readonly string[] {
  const files = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'))
  const imports = files.flatMap(
    (name) => readFileSync(join(SOURCES, name), 'utf8').match(/import [^;]*? from '@aws-sdk\/[^']+'/gs) ?? [],
  )
  const names = imports.flatMap((line) => [...line.matchAll(/\b(\w+)Command\b/g)].map(([, name]) => name ?? ''))
  return [...new Set(names)].sort()
}

const accounts = new Map([['prod', { name: 'prod', id: ACCOUNT, elevationRole: 'latchkey/prod', copies: 1 }]])
const USER_POLICY = 'latchkey.g-0123456789ac'
const at = (ms: number) => `${new Date(Date.now() + ms).toISOString().slice(0, 19)}Z`
const TIMES = { startsAt: at(-60_000), endsAt: at(3_600_000) }
const DENY = { epoch: 'e1', issuedBefore: '2026-01-01T00:00:00Z' }
const DRAFT: GrantDraft = {
  account: ACCOUNT,
  grantId: 'g-0123456789ab',
  requester: '0b6f2a34-7d0e-4f7c-9a55-1c1f0f9d2a10',
  scopes: [{ bucket: BUCKET, key: '2026/' }],
  levels: ['read', 'write', 'delete', 'purge', 'tag'],
}

describe.skipIf(!present)('src/aws against moto (needs moto_server on the PATH)', () => {
  let moto: Moto
  let driver: Driver
  let bucket: Bucket

  beforeAll(async () => {
    moto = await startMoto()
    vi.stubEnv('AWS_ENDPOINT_URL', moto.url)
    bucket = { bucket: BUCKET, account: 'prod', region: REGION, kmsKey: moto.kmsKey, owners: [] }
    driver = awsDriver({
      accounts,
      buckets: new Map([[BUCKET, bucket]]),
      principals: new Map(),
      part: 'workers',
      log: { warn: () => undefined },
    })
  }, 60_000)
  afterAll(() => moto.stop())

  it('a session is asked for, activated, vended and denied', async () => {
    const principal = await sessionPrincipal(driver, DRAFT)
    expect((await driver.preflight(DRAFT)).warnings).toEqual([])
    expect(await driver.principals()).toEqual([principal])
    expect(await driver.readDeny(principal)).toBeUndefined()
    const deny = { ...DENY, denied: [`${principal.roleId}:${DRAFT.grantId}`] }
    expect(await driver.writeDeny(principal, deny)).toEqual(deny)
    expect(await driver.formerRoles('prod')).toEqual([])
    const order = { ...DRAFT, ...TIMES, principal }
    await driver.activate(order, Date.now())
    const credentials = await driver.vend(order)
    expect(Date.parse(credentials.expiresAt)).toBeLessThanOrEqual(Date.parse(order.endsAt))
    expect(refused()).toEqual(['GetRolePolicy 404'])
  })

  it('a grant is put on a role, shown, and taken away', async () => {
    const order = await onRole()
    const entity = entityOf(order.principal)
    expect(await driver.attached(entity, { documents: true })).toHaveLength(1)
    expect(await driver.entityState(entity)).toMatchObject({ faults: [] })
    await driver.detach(entity, `latchkey.${order.grantId}`, 'early-revoke')
    expect(await driver.attached(entity)).toEqual([])
  })

  it('a grant is put on a user, shown, and taken away', async () => {
    const { entity, document } = await onUser()
    expect(await driver.attached(entity, { documents: true })).toEqual([{ policyName: USER_POLICY, document }])
    expect(await driver.entityState(entity)).toMatchObject({ faults: [expect.stringContaining('boundary')] })
    await driver.detach(entity, USER_POLICY, 'early-revoke')
    expect(await driver.attached(entity)).toEqual([])
  })

  it('a one-object link is taken by S3', async () => {
    const principal = await sessionPrincipal(driver, DRAFT)
    const credentials = await driver.vend({ ...DRAFT, ...TIMES, principal })
    const links = objectLinks({ buckets: new Map([[BUCKET, bucket]]) })
    const object = { bucket: BUCKET, key: '2026/a.csv' }
    const nowMs = Date.now()
    for (const method of ['put', 'get'] as const) {
      const link = await links.sign(credentials, { method, object, nowMs, expiresAtMs: nowMs + 60_000 })
      const answer = await fetch(link, method === 'put' ? { method: 'PUT', body: 'a,b' } : {})
      expect(answer.status).toBe(200)
    }
  })

  it.skipIf(!boto3)(
    'boto3 reads back what was written, to the letter (needs boto3 of python3)',
    async () => {
      const principal = await sessionPrincipal(driver, DRAFT)
      const deny = { ...DENY, denied: [`${principal.roleId}:${DRAFT.grantId}`] }
      await driver.writeDeny(principal, deny)
      const role = await onRole()
      const { document } = await onUser()
      const read = [
        ['role', 'prod', DENY_POLICY, denyDocument(deny)],
        ['role', 'analysts', `latchkey.${role.grantId}`, attachDocument(role, bucket)],
        ['user', 'carol', USER_POLICY, document],
      ] as const
      for (const [kind, name, policy, document] of read)
        expect(await readBack(kind, name, policy)).toEqual(JSON.parse(document))
    },
    60_000,
  )

  it('the wiring is made, found to be made, given another key and taken down; rights and trails are read', async () => {
    const log = { warn: () => undefined }
    const rules = { accounts, buckets: new Map([[BUCKET, bucket]]) }
    const { id, partition } = await readAccount(REGION, log)
    const [region] = feedRegions(rules, id, partition)
    if (region === undefined) throw new Error('There is a bucket.')
    const clients = regionClients(REGION, log)
    const wanted = async (publicUrl: string, key: string) =>
      desiredState(region, { publicUrl, key, ours: await readIdentities(clients, region) })
    const made = await wanted('https://one.example.com', 'c1'.repeat(32))
    const onDone = () => undefined
    await applyWiring(clients, { desired: made, key: 'c1'.repeat(32), rotate: false, onDone })
    expect(wiringDrift(made, await readWiring(clients)).map(sayDifference)).toEqual([])
    const moved = await wanted('https://two.example.com', 'c2'.repeat(32))
    await applyWiring(clients, { desired: moved, key: 'c2'.repeat(32), rotate: true, onDone })
    await putDeadLetters(clients, moved)
    expect(wiringDrift(moved, await readWiring(clients)).map(sayDifference)).toEqual([])
    expect(await testWiring(clients, { hasArrived: async () => true, waitMs: 1_000 })).toBe(true)
    expect(await readTrails(clients)).toMatchObject([{ name: 'company', isLogging: true }])
    expect((await readPrincipals(clients, region)).map(({ name }) => name)).toContain('role analysts')
    await removeWiring(clients, { withRole: true, onDone })
    expect(isUnwired(await readWiring(clients))).toBe(true)
  })

  /** A call that is new in src/aws must be added above, made by the code that uses it. */
  it('no call that src/aws can make was left out, and moto took the shape of each', () => {
    const made = new Set(moto.calls.map(({ name }) => name))
    expect(importedCommands().filter((name) => !made.has(name))).toEqual([])
    expect([...made].filter((name) => !importedCommands().includes(name))).toEqual([])
  })

  function refused(): readonly string[] {
    return moto.calls.filter(({ status }) => status >= 300).map(({ name, status }) => `${name} ${status}`)
  }

  async function onRole(): Promise<GrantOrder<AttachPrincipal>> {
    const ownIdentity = { kind: 'role', name: 'analysts', sessionName: 'rita@example.com' } as const
    const draft = { ...DRAFT, ownIdentity, levels: ['write'] as const }
    const [principal] = (await driver.preflight(draft)).principals
    if (principal.driver !== 'attach') throw new Error(`${principal.roleArn} holds nothing of a person's own`)
    const order = { ...draft, ...TIMES, principal }
    await driver.activate(order, Date.now())
    return order
  }

  /** moto stores no permissions boundary of a user, and the driver refuses a user without one. So this calls the driver without its preflight. */
  async function onUser() {
    const entity = { account: ACCOUNT, kind: 'user', name: 'carol' } as const
    const log = { warn: () => undefined }
    const clients = awsClients({ accounts, part: 'workers', log })
    const principal = {
      driver: 'attach',
      account: ACCOUNT,
      arn: `arn:aws:iam::${ACCOUNT}:user/carol`,
      userid: 'AIDAX',
      deniedOn: DENIED_ON,
    } as const
    const document = attachDocument({ ...DRAFT, ...TIMES, principal, levels: ['write'] }, bucket)
    await refuseWithoutRoom({ clients, log }, entity, USER_POLICY, document)
    await attach({ clients, log }, entity, { policyName: USER_POLICY, document })
    return { entity, document }
  }

  async function readBack(kind: 'role' | 'user', name: string, policy: string): Promise<unknown> {
    const child = spawn('python3', ['-c', READ_BACK, moto.url, kind, name, policy])
    const [out, problems] = await Promise.all([text(child.stdout), text(child.stderr)])
    if (problems !== '') throw new Error(problems)
    return JSON.parse(out)
  }
})

const READ_BACK = `
import boto3, json, sys
url, kind, name, policy = sys.argv[1:]
iam = boto3.client("iam", endpoint_url=url, region_name="us-east-1")
read = {"role": lambda: iam.get_role_policy(RoleName=name, PolicyName=policy),
        "user": lambda: iam.get_user_policy(UserName=name, PolicyName=policy)}
print(json.dumps(read[kind]()["PolicyDocument"]))
`
