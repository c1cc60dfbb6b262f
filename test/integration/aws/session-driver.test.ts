import { randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import {
  CreatePolicyVersionCommand,
  CreateRoleCommand,
  DeleteRoleCommand,
  DeleteRolePermissionsBoundaryCommand,
  DetachRolePolicyCommand,
  GetRoleCommand,
  IAMClient,
  PutRolePolicyCommand,
  UpdateAssumeRolePolicyCommand,
} from '@aws-sdk/client-iam'
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type SandboxAws, startAws } from '../../../sandbox/aws/index.ts'
import type { KeyPair, SeededLatchkey } from '../../../sandbox/aws/seed.ts'
import { awsDriver } from '../../../src/aws/driver.ts'
import { MEASURED_AS } from '../../../src/aws/session/assume-role.ts'
import { type ErrorCode, LatchkeyError } from '../../../src/errors.ts'
import type { Driver } from '../../../src/grants/driver.ts'
import type { SessionPrincipal } from '../../../src/grants/principal.ts'
import { grantIdOf } from '../../../src/oversight/match-grant.ts'
import { DENY_IDS_PER_ROLE, DENY_POLICY, UNKNOWN_EPOCH } from '../../../src/policies/deny-document.ts'
import { newId } from '../../../src/store/ids.ts'
import { type DriverWorld, draftOf, driverContract, endIn, sessionPrincipal } from '../../contract/driver.contract.ts'
import { useAws } from '../use-aws.ts'

const BUCKET = 'finance-reports'
const REGION = 'eu-west-1'

interface World extends DriverWorld {
  readonly aws: SandboxAws
  readonly seeded: SeededLatchkey
  /** Everything that the driver wrote to its log. */
  readonly logged: unknown[]
}

function driverAs(keys: KeyPair, aws: SandboxAws, logged: unknown[]): Driver {
  useAws(aws.url, keys)
  return awsDriver({
    accounts: new Map([['prod', { name: 'prod', id: aws.state.account, elevationRole: 'latchkey/prod', copies: 1 }]]),
    buckets: new Map([[BUCKET, { bucket: BUCKET, account: 'prod', region: REGION, owners: [] }]]),
    principals: new Map(),
    part: 'workers',
    log: { warn: (...line) => logged.push(line) },
  })
}

async function startWorld(): Promise<World> {
  const aws = await startAws()
  const seeded = aws.seedLatchkey()
  const logged: unknown[] = []
  const clients: S3Client[] = []
  return {
    aws,
    seeded,
    logged,
    driver: driverAs(seeded.keys.workers, aws, logged),
    account: aws.state.account,
    bucket: BUCKET,
    now: () => aws.clock.now(),
    advance: (ms) => aws.clock.advance(ms),
    s3({ accessKeyId, secretAccessKey, sessionToken }) {
      const credentials = { accessKeyId, secretAccessKey, sessionToken }
      const client = new S3Client({ region: REGION, endpoint: aws.s3Url, forcePathStyle: true, credentials })
      clients.push(client)
      return client
    },
    async stop() {
      for (const client of clients) client.destroy()
      await aws.stop()
    },
  }
}

driverContract('the session driver against the sandbox', startWorld)

describe('the session driver', () => {
  let world: World
  let principal: SessionPrincipal
  let owner: IAMClient

  beforeEach(async () => {
    world = await startWorld()
    owner = new IAMClient({ region: 'us-east-1', endpoint: world.aws.url, credentials: world.seeded.keys.owner })
    principal = await preflight()
  })
  afterEach(async () => {
    owner.destroy()
    await world.stop()
  })

  function preflight(driver = world.driver): Promise<SessionPrincipal> {
    return sessionPrincipal(driver, draftOf(world, 'g-000000000000'))
  }

  function orderOf(grantId: string) {
    return { ...draftOf(world, grantId), principal, startsAt: endIn(world, -1), endsAt: endIn(world, 10) }
  }

  function denyOf(...grantIds: readonly string[]) {
    const denied = grantIds.map((grantId) => `${principal.roleId}:${grantId}`)
    return { epoch: 'e-1', issuedBefore: '2026-01-01T00:00:00Z', denied }
  }

  function countOf(action: string): number {
    return world.aws.journal.entries().filter((entry) => entry.action === action).length
  }

  /** Who assumed the role with that session name. */
  function entered(sessionName: string) {
    return world.aws.journal.entries().filter(({ parameters }) => parameters.RoleSessionName === sessionName)
  }

  it('names every session after its grant and its requester, in AWS’s own log too', async () => {
    const order = orderOf('g-000000000001')
    await world.driver.vend(order)
    const [call] = entered(order.grantId)
    expect(call?.parameters).toMatchObject({ RoleSessionName: order.grantId, SourceIdentity: order.requester })
    const session = [...world.aws.state.sessions.values()].find(({ sessionName }) => sessionName === order.grantId)
    expect(session?.tags).toEqual(
      new Map([
        ['latchkey:grant', order.grantId],
        ['latchkey:requester', order.requester],
      ]),
    )
  })

  it.each([
    [5, 900],
    [15, 900],
    [40, 2_400],
    [60, 3_600],
    [8 * 60, 3_600],
  ])(
    'of %i minutes that are left asks AWS for %i seconds, and never says more than the grant has',
    async (minutes, seconds) => {
      const order = { ...orderOf('g-000000000001'), endsAt: endIn(world, minutes) }
      const { expiresAt } = await world.driver.vend(order)
      const asked = entered(order.grantId)[0]?.parameters.DurationSeconds
      expect(seconds - Number(asked)).toBeLessThanOrEqual(seconds > 900 && seconds < 3_600 ? 5 : 0)
      expect(Date.parse(expiresAt)).toBeLessThanOrEqual(Date.parse(order.endsAt))
    },
  )

  it('vends a grant that is longer than any session again and again, each within it', async () => {
    const order = { ...orderOf('g-000000000001'), endsAt: endIn(world, 90) }
    await world.driver.vend(order)
    world.advance(50 * 60_000)
    vi.useFakeTimers({ toFake: ['Date'], now: world.now() })
    const { expiresAt } = await world.driver.vend(order)
    expect(Date.parse(expiresAt)).toBeLessThanOrEqual(Date.parse(order.endsAt))
    vi.setSystemTime(world.now() + 41 * 60_000)
    await refusalOf(world.driver.vend(order), 'OVER')
    vi.useRealTimers()
  })

  it('a policy and tags that AWS cannot pack are too much to ask for', async () => {
    world.aws.faults.fail({ action: 'AssumeRole' }, { code: 'PackedPolicyTooLarge', status: 400 })
    const refusal = await refusalOf(world.driver.activate(orderOf('g-000000000001'), world.now()), 'QUOTA_FULL')
    expect(refusal.message).toContain('fewer scopes')
  })

  it('activates nothing while the clock of AWS is ten minutes off', async () => {
    world.advance(10 * 60_000)
    const order = { ...orderOf('g-000000000001'), endsAt: endIn(world, 60) }
    const refusal = await refusalOf(world.driver.activate(order, Date.now()), 'AWS_REFUSED')
    expect(refusal.message).toContain('Nothing was granted')
  })

  it('activates while the clocks are half a minute apart', async () => {
    world.advance(30_000)
    await world.driver.activate(orderOf('g-000000000001'), Date.now())
  })

  it('refuses a role that was deleted and made again under its name', async () => {
    const { Role } = await owner.send(new GetRoleCommand({ RoleName: 'prod' }))
    await owner.send(new DetachRolePolicyCommand({ RoleName: 'prod', PolicyArn: world.seeded.elevationArn }))
    await owner.send(new DeleteRoleCommand({ RoleName: 'prod' }))
    await refusalOf(world.driver.vend(orderOf('g-000000000001')), 'AWS_REFUSED')
    // IAM tells only callers with rights in that path whether a role exists. Missing and forbidden look the same here.
    expect(await world.driver.principals()).toEqual([])
    expect(await driverAs(world.seeded.keys.owner, world.aws, world.logged).principals()).toEqual([])
    await owner.send(
      new CreateRoleCommand({
        RoleName: 'prod',
        Path: '/latchkey/',
        PermissionsBoundary: world.seeded.boundaryArn,
        AssumeRolePolicyDocument: decodeURIComponent(Role?.AssumeRolePolicyDocument ?? ''),
      }),
    )
    await refusalOf(world.driver.activate(orderOf('g-000000000001'), world.now()), 'AWS_REFUSED')
    await refusalOf(world.driver.vend(orderOf('g-000000000001')), 'AWS_REFUSED')
    expect((await preflight()).roleId).not.toBe(principal.roleId)
  })

  it('knows by reading back that a write whose answers were lost has happened', async () => {
    const deny = denyOf('g-000000000001')
    world.aws.faults.loseReply({ action: 'PutRolePolicy' }, 3)
    expect(await world.driver.writeDeny(principal, deny)).toEqual(deny)
  })

  it('does not take a write that never arrived for done', async () => {
    await world.driver.writeDeny(principal, denyOf('g-000000000001'))
    world.aws.faults.fail({ action: 'PutRolePolicy' }, { code: 'ServiceFailure', status: 500, times: 3 })
    await refusalOf(world.driver.writeDeny(principal, denyOf('g-000000000001', 'g-000000000002')), 'UNAVAILABLE')
    expect(await world.driver.readDeny(principal)).toEqual(denyOf('g-000000000001'))
  })

  it('repeats a write that met another one', async () => {
    world.aws.faults.fail({ action: 'PutRolePolicy' }, { code: 'ConcurrentModification', status: 409, times: 2 })
    expect(await world.driver.writeDeny(principal, denyOf())).toEqual(denyOf())
  })

  it('says at once that a role is full, and does not wait as if AWS were busy', async () => {
    const Statement = [{ Effect: 'Deny', Action: 's3:PutObject', Resource: `arn:aws:s3:::${'x'.repeat(8_500)}` }]
    await putInline('filler', { Version: '2012-10-17', Statement })
    const before = countOf('PutRolePolicy')
    const ids = Array.from({ length: 100 }, (_, n) => `g-${String(n).padStart(12, '0')}`)
    await refusalOf(world.driver.writeDeny(principal, denyOf(...ids)), 'QUOTA_FULL')
    expect(countOf('PutRolePolicy')).toBe(before + 1)
  })

  it('keeps the ids of a Deny document that was edited by hand', async () => {
    await world.driver.writeDeny(principal, denyOf('g-000000000001'))
    const condition = { StringLike: { 'aws:userid': `${principal.roleId}:g-000000000001` } }
    const Statement = [{ Effect: 'Deny', Action: 's3:PutObject', Resource: '*', Condition: condition }]
    await putInline(DENY_POLICY, { Version: '2012-10-17', Statement })
    expect(await world.driver.readDeny(principal)).toMatchObject({
      epoch: UNKNOWN_EPOCH,
      denied: [`${principal.roleId}:g-000000000001`],
    })
  })

  it('tells the person when AWS does not answer, and refuses what AWS refuses', async () => {
    world.aws.faults.fail({ action: 'AssumeRole' }, { code: 'Throttling', status: 400, times: 3 })
    await refusalOf(world.driver.vend(orderOf('g-000000000001')), 'UNAVAILABLE')
    world.aws.faults.fail({ action: 'AssumeRole' }, { code: 'AccessDenied', status: 403 })
    const refusal = await refusalOf(world.driver.vend(orderOf('g-000000000001')), 'AWS_REFUSED')
    expect(refusal.facts).toMatchObject({ awsCode: 'AccessDenied' })
    const { url } = world.aws
    await world.aws.stop()
    expect(url).toBe(process.env.AWS_ENDPOINT_URL)
    await refusalOf(world.driver.vend(orderOf('g-000000000001')), 'UNAVAILABLE')
  })

  it('asks again when an answer does not come, instead of waiting for it', async () => {
    const held = world.aws.faults.hold({ action: 'AssumeRole' })
    await world.driver.vend(orderOf('g-000000000001'))
    held.drop()
    expect(entered('g-000000000001')).toHaveLength(2)
  }, 30_000)

  it('as the web process may read and vend, and writes nothing', async () => {
    const web = driverAs(world.seeded.keys.web, world.aws, world.logged)
    expect(await preflight(web)).toEqual(principal)
    await web.vend(orderOf('g-000000000001'))
    await refusalOf(web.writeDeny(principal, denyOf()), 'AWS_REFUSED')
    expect(await web.readDeny(principal)).toBeUndefined()
  })

  it('keeps every secret out of what it logs and throws', async () => {
    const { secretAccessKey, sessionToken } = await world.driver.vend(orderOf('g-000000000001'))
    world.aws.faults.fail({ action: 'AssumeRole' }, { code: 'AccessDenied', status: 403 })
    const refusal = await refusalOf(world.driver.vend(orderOf('g-000000000001')), 'AWS_REFUSED')
    const seen = inspect([world.logged, refusal], { depth: null, showHidden: true })
    expect(world.logged).toHaveLength(1)
    for (const secret of [secretAccessKey, sessionToken, world.seeded.keys.workers.secretAccessKey, 'Signature='])
      expect(seen).not.toContain(secret)
  })

  describe('before anybody is asked', () => {
    /** The requester gets no details of roles and accounts of others. */
    async function faultsToldToTheOperator(): Promise<string> {
      const { message } = await refusalOf(preflight(), 'AWS_REFUSED')
      expect(message).toBe(
        "Latchkey refused access to account prod. The elevation role of account prod is not in order. The operator's log says why.",
      )
      return inspect(world.logged, { depth: null })
    }

    it('refuses a role without a boundary', async () => {
      await owner.send(new DeleteRolePermissionsBoundaryCommand({ RoleName: 'prod' }))
      expect(await faultsToldToTheOperator()).toContain('no permissions boundary')
    })

    it('refuses a boundary that was widened under its name', async () => {
      const Statement = [{ Effect: 'Allow', Action: '*', Resource: '*' }]
      const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement })
      const PolicyArn = world.seeded.boundaryArn
      await owner.send(new CreatePolicyVersionCommand({ PolicyArn, PolicyDocument, SetAsDefault: true }))
      expect(await faultsToldToTheOperator()).toContain('allows *')
    })

    it('refuses a trust policy that lets somebody else in', async () => {
      const { Role } = await owner.send(new GetRoleCommand({ RoleName: 'prod' }))
      const trust = JSON.parse(decodeURIComponent(Role?.AssumeRolePolicyDocument ?? ''))
      const Principal = { AWS: `arn:aws:iam::${world.account}:user/everyday` }
      trust.Statement.push({ Effect: 'Allow', Principal, Action: 'sts:AssumeRole' })
      const PolicyDocument = JSON.stringify(trust)
      await owner.send(new UpdateAssumeRolePolicyCommand({ RoleName: 'prod', PolicyDocument }))
      const faults = await faultsToldToTheOperator()
      expect(faults).toContain('more than the two identities')
      expect(faults).toContain('sts:SourceIdentity')
    })

    it('refuses a role that could not hold one more denial', async () => {
      const ids = Array.from({ length: DENY_IDS_PER_ROLE }, (_, n) => `g-${String(n).padStart(12, '0')}`)
      await world.driver.writeDeny(principal, denyOf(...ids))
      await refusalOf(preflight(), 'QUOTA_FULL')
    })

    it('refuses a role whose other policies leave no room for denials', async () => {
      const Statement = [{ Effect: 'Deny', Action: 's3:PutObject', Resource: `arn:aws:s3:::${'x'.repeat(2_000)}` }]
      await putInline('filler', { Version: '2012-10-17', Statement })
      await refusalOf(preflight(), 'QUOTA_FULL')
    })

    it('has AWS measure exactly what a grant would send, and nothing else of it', async () => {
      await world.driver.activate(orderOf('g-000000000000'), world.now())
      const [measured] = entered(MEASURED_AS)
      const [sent] = entered('g-000000000000')
      const exactly = ({ Policy, ...rest }: Readonly<Record<string, unknown>> = {}) => ({
        ...rest,
        RoleSessionName: String(rest.RoleSessionName).length,
        Policy: String(Policy).replace(/(?<="aws:CurrentTime":")[^"]+/g, (end) => '-'.repeat(end.length)),
      })
      expect(exactly(measured?.parameters)).toEqual(exactly(sent?.parameters))
    })

    it('lets AWS make no session that could do anything, or that is taken for one of a grant', async () => {
      const session = [...world.aws.state.sessions.values()].find(({ sessionName }) => sessionName === MEASURED_AS)
      if (!session?.policy) throw new Error('Nothing was measured')
      for (const { Effect, Condition } of JSON.parse(session.policy).Statement) {
        expect(Effect).toBe('Allow')
        expect(Condition.DateLessThan).toEqual({ 'aws:CurrentTime': '2000-01-01T00:00:00Z' })
      }
      const s3 = world.s3({ ...session, expiresAt: '' })
      const Key = '2026/a'
      const refused = { name: 'AccessDenied' }
      await expect(s3.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body: 'x' }))).rejects.toMatchObject(refused)
      await expect(s3.send(new GetObjectCommand({ Bucket: BUCKET, Key }))).rejects.toMatchObject(refused)
      await expect(s3.send(new ListObjectsV2Command({ Bucket: BUCKET, Prefix: '2026/' }))).rejects.toMatchObject(
        refused,
      )
      const principalId = `${session.roleId}:${MEASURED_AS}`
      const at = new Date(world.now()).toISOString()
      const call = {
        id: 'call',
        account: world.account,
        at,
        name: 'PutObject',
        source: 's3.amazonaws.com',
        principalId,
      }
      expect(grantIdOf(call)).toBeUndefined()
      expect(Array.from({ length: 100 }, () => newId('g')).filter((id) => id.includes('-', 2))).toEqual([])
    })

    it('refuses prefixes that AWS cannot pack, though it would take as many characters', async () => {
      const objects = (key: () => string) => [1, 2].map((n) => ({ bucket: BUCKET, key: `2026/${n}/${key()}` }))
      const draft = { ...draftOf(world, 'g-000000000001'), levels: ['read'] as const }
      const scopes = objects(() => randomBytes(562).toString('base64url'))
      const refusal = await refusalOf(world.driver.preflight({ ...draft, scopes }), 'QUOTA_FULL')
      expect(refusal.message).toContain('shorter prefixes')
      expect(entered(MEASURED_AS).at(-1)).toMatchObject({ outcome: 'refused' })
      const legible = { ...draft, scopes: objects(() => `${'year-end/'.repeat(83)}x`) }
      expect((await world.driver.preflight(legible)).principals).toEqual([principal])
    })

    it('says that AWS is not there when it measures nothing, and leaves it to the role whether it lets Latchkey in', async () => {
      const STS = { action: 'AssumeRole' }
      world.aws.faults.fail(STS, { code: 'Throttling', status: 400, times: 3 })
      await refusalOf(preflight(), 'UNAVAILABLE')
      world.aws.faults.fail(STS, { code: 'AccessDenied', status: 403 })
      expect(await preflight()).toEqual(principal)
    })

    it('measures while it reads the role, and not after', async () => {
      for (const action of ['GetRole', 'AssumeRole']) {
        const held = world.aws.faults.hold({ action }, { when: 'before' })
        const other = world.aws.journal.waitFor(
          (entry) => entry.action === (action === 'GetRole' ? 'AssumeRole' : 'ListRolePolicies'),
        )
        const reading = preflight()
        await held.arrived
        await other
        held.release()
        await reading
      }
    })

    it('refuses an account and a bucket that the rules do not name, and a role that is not there', async () => {
      await refusalOf(
        world.driver.preflight({ ...draftOf(world, 'g-000000000001'), account: '999900001111' }),
        'NOT_ELIGIBLE',
      )
      const elsewhere = { ...draftOf(world, 'g-000000000001'), scopes: [{ bucket: 'other-bucket', key: '' }] }
      await refusalOf(world.driver.preflight(elsewhere), 'NOT_ELIGIBLE')
      world.aws.state.roles.delete('prod')
      await refusalOf(preflight(), 'AWS_REFUSED')
    })
  })

  function putInline(PolicyName: string, document: object) {
    const PolicyDocument = JSON.stringify(document)
    return owner.send(new PutRolePolicyCommand({ RoleName: 'prod', PolicyName, PolicyDocument }))
  }
})

async function refusalOf<C extends ErrorCode>(call: Promise<unknown>, code: C): Promise<LatchkeyError> {
  const refusal = await call.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (!(refusal instanceof LatchkeyError)) throw new Error(`Expected ${code}, got ${inspect(refusal)}`)
  expect(refusal.code).toBe(code)
  return refusal
}
