import { UpdateAssumeRolePolicyCommand } from '@aws-sdk/client-iam'
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { elevationFaults } from '../../../src/aws/doctor/elevation-faults.ts'
import { regionClients } from '../../../src/aws/region-clients.ts'
import { MEASURED_AS } from '../../../src/aws/session/assume-role.ts'
import type { Driver } from '../../../src/grants/driver.ts'
import type { SessionPrincipal } from '../../../src/grants/principal.ts'
import { sessionPrincipal } from '../../contract/driver.contract.ts'
import { EXTERNAL_ID, HOME, OTHER, REGION, type TwoAccounts, twoAccounts } from '../../fixtures/two-accounts.ts'
import { useAws } from '../use-aws.ts'

const HOUR_MS = 3_600_000
const HUB = `arn:aws:iam::${OTHER}:role/latchkey/hub`
const READER = `arn:aws:iam::${OTHER}:role/latchkey/hub-reader`

let world: TwoAccounts
let web: Driver
let principal: SessionPrincipal

beforeEach(async () => {
  world = await twoAccounts()
  web = world.driver('web')
  principal = await sessionPrincipal(web, world.draft(OTHER))
})
afterEach(async () => {
  vi.useRealTimers()
  await world.stop()
})

function entered(roleArn: string) {
  return world.aws.journal
    .entries()
    .filter(({ action, parameters }) => action === 'AssumeRole' && parameters.RoleArn === roleArn)
}

const deny = { epoch: 'e-1', issuedBefore: '2026-01-01T00:00:00Z', denied: [] }

describe('an account that Latchkey does not run in', () => {
  it('is read by web through its reader, and by workers through its hub, without a source identity', async () => {
    const workers = world.driver('workers')
    expect(await workers.writeDeny(principal, deny)).toEqual(deny)
    for (const roleArn of [READER, HUB]) {
      const [hop] = entered(roleArn)
      expect(hop).toMatchObject({ outcome: 'done', parameters: { ExternalId: EXTERNAL_ID } })
      expect(hop?.parameters).not.toHaveProperty('SourceIdentity')
    }
    expect(await web.readDeny(principal)).toEqual(deny)
  })

  it('is vended from straight: with the process’s own credentials, the external id, and the requester’s source identity', async () => {
    const order = world.order(principal)
    await web.activate(order, world.aws.clock.now())
    const { accessKeyId, secretAccessKey, sessionToken } = await web.vend(order)
    const [measured, ...calls] = entered(principal.roleArn)
    expect(measured?.parameters).toMatchObject({ ExternalId: EXTERNAL_ID, RoleSessionName: MEASURED_AS })
    expect(calls).toHaveLength(2)
    for (const call of calls)
      expect(call).toMatchObject({
        identity: `arn:aws:iam::${HOME}:user/latchkey-web`,
        parameters: { ExternalId: EXTERNAL_ID, SourceIdentity: order.requester, RoleSessionName: order.grantId },
      })
    const credentials = { accessKeyId, secretAccessKey, sessionToken }
    const s3 = new S3Client({ region: REGION, endpoint: world.aws.url, forcePathStyle: true, credentials })
    await s3.send(new PutObjectCommand({ Bucket: 'lab-data', Key: '2026/a', Body: 'x' }))
    const outside = s3.send(new PutObjectCommand({ Bucket: 'lab-data', Key: '2025/a', Body: 'x' }))
    await expect(outside).rejects.toMatchObject({ name: 'AccessDenied' })
    s3.destroy()
  })

  it('has a hub and a reader, which let Latchkey in and are no roles that the rules named once', async () => {
    expect(await world.driver('workers').formerRoles('lab')).toEqual([])
  })

  it('is entered once for many calls at once', async () => {
    const workers = world.driver('workers')
    await Promise.all([workers.principals(), workers.principals(), workers.readDeny(principal)])
    await workers.readDeny(principal)
    expect(entered(HUB)).toHaveLength(1)
  })

  it('is entered again before the session there ends, also by a clock that is five minutes slow', async () => {
    const workers = world.driver('workers')
    await workers.readDeny(principal)
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + HOUR_MS - 20 * 60_000 })
    await workers.readDeny(principal)
    expect(entered(HUB)).toHaveLength(1)
    vi.setSystemTime(Date.now() + 6 * 60_000)
    await workers.readDeny(principal)
    expect(entered(HUB)).toHaveLength(2)
  })

  it('whose hub refused once is tried again', async () => {
    const workers = world.driver('workers')
    world.aws.faults.fail({ action: 'AssumeRole' }, { code: 'AccessDenied', status: 403 })
    await expect(workers.readDeny(principal)).rejects.toMatchObject({
      code: 'AWS_REFUSED',
      facts: { doing: 'to let Latchkey into account lab', awsCode: 'AccessDenied' },
    })
    expect(await workers.readDeny(principal)).toBeUndefined()
  })

  it('that lets Latchkey in no more keeps the others from nothing', async () => {
    world.aws.account(OTHER).roles.delete('hub')
    const workers = world.driver('workers')
    const seen = await workers.principals()
    expect(seen.map(({ account }) => account)).toEqual([HOME, HOME])
    const own = seen[0]
    if (!own) throw new Error('no role of our own account')
    expect(await workers.writeDeny(own, deny)).toEqual(deny)
    await expect(workers.writeDeny(principal, deny)).rejects.toMatchObject({ code: 'AWS_REFUSED' })
  })

  it('whose elevation role would let in any Latchkey is refused before anybody is asked', async () => {
    const { iam } = world.owner(OTHER)
    const trust = JSON.parse(world.other.roles[0]?.trustPolicy ?? '')
    delete trust.Statement[0].Condition.StringEquals
    for (const RoleName of ['prod', 'prod-2'])
      await iam.send(new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument: JSON.stringify(trust) }))
    await expect(web.preflight(world.draft(OTHER))).rejects.toMatchObject({
      code: 'AWS_REFUSED',
      facts: { awsCode: 'RoleNotInOrder' },
    })
    expect(JSON.stringify(world.logged)).toContain('sts:ExternalId')
    expect(JSON.stringify(world.logged)).not.toContain(EXTERNAL_ID)
  })

  it('that the rules name no more, or name no hub for, has nothing done in its name in our own', async () => {
    const own = await world.driver('workers').readDeny(principal)
    const { hub: _, ...withoutHub } = world.accounts.get('lab') ?? { name: '', id: '', elevationRole: '', copies: 1 }
    world.accounts.set('lab', withoutHub)
    const refused = world.driver('workers').writeDeny(principal, deny)
    await expect(refused).rejects.toMatchObject({ code: 'AWS_REFUSED', facts: { awsCode: 'NoHub' } })
    world.accounts.delete('lab')
    await expect(world.driver('workers').writeDeny(principal, deny)).rejects.toMatchObject({
      code: 'AWS_REFUSED',
      facts: { awsCode: 'NoHub', next: expect.stringContaining('put it back into the rules') },
    })
    expect(world.count('PutRolePolicy')).toBe(0)
    expect(own).toBeUndefined()
  })
})

it('our own account, once the rules name it no more, can still be written: what lives there must come to its end', async () => {
  const own = (await world.driver('workers').principals()).find(({ account }) => account === HOME)
  if (!own) throw new Error('no role of our own account')
  world.accounts.delete('prod')
  expect(await world.driver('workers').writeDeny(own, deny)).toEqual(deny)
})

describe('latchkey doctor', () => {
  it('finds the elevation roles of both accounts in order, each by the trust that its account needs', async () => {
    const { url } = world.aws
    const ours = ['web', 'workers'].map((part) => `arn:aws:iam::${HOME}:user/latchkey-${part}`)
    for (const [id, name] of [
      [HOME, 'prod'],
      [OTHER, 'lab'],
    ] as const) {
      useAws(url, (id === HOME ? world.home : world.other).keys.owner)
      const account = world.accounts.get(name)
      const clients = regionClients(REGION, { warn: () => undefined })
      const found = account && (await elevationFaults(clients, account, ours))
      expect(found).toEqual(['latchkey/prod', 'latchkey/prod-2'].map((role) => ({ role, faults: [] })))
    }
  })
})

describe('the two AWS identities, each with its shipped rights alone', () => {
  it('web reads, asks, activates and vends in both accounts, and is refused every write', async () => {
    const own = await sessionPrincipal(web, world.draft(HOME))
    for (const one of [own, principal]) {
      await web.activate(world.order(one), world.aws.clock.now())
      await web.vend(world.order(one))
      await expect(web.writeDeny(one, deny)).rejects.toMatchObject({ facts: { awsCode: 'AccessDenied' } })
    }
    expect(await web.principals()).toHaveLength(4)
  })

  it('workers do the same and write what is Latchkey’s in both', async () => {
    const workers = world.driver('workers')
    for (const one of await workers.principals()) {
      expect(await workers.writeDeny(one, deny)).toEqual(deny)
      await workers.activate(world.order(one), world.aws.clock.now())
    }
  })
})

describe('copies of an elevation role', () => {
  it('are offered in the order in which they are filled, and looked after all', async () => {
    const { principals } = await web.preflight(world.draft(HOME))
    const names = ['prod', 'prod-2'].map((name) => `arn:aws:iam::${HOME}:role/latchkey/${name}`)
    expect(principals.map((one) => one.driver === 'session' && one.roleArn)).toEqual(names)
    expect(await web.principals()).toHaveLength(4)
  })

  it('that AWS holds 150 denials for are full, whoever wrote them; when all are, nobody is asked', async () => {
    const workers = world.driver('workers')
    const [first, second] = await workers.principals()
    if (!first || !second) throw new Error('two copies were seeded')
    const fill = (one: SessionPrincipal) => {
      const denied = Array.from({ length: 150 }, (_, n) => `${one.roleId}:g-${String(n).padStart(12, '0')}`)
      return workers.writeDeny(one, { ...deny, denied })
    }
    await fill(first)
    expect((await web.preflight(world.draft(HOME))).principals).toEqual([second])
    await fill(second)
    await expect(web.preflight(world.draft(HOME))).rejects.toMatchObject({ code: 'QUOTA_FULL' })
  })

  it('that are not in order stop only themselves, and are told to the operator', async () => {
    const [, second] = (await web.preflight(world.draft(HOME))).principals
    world.aws.state.roles.delete('prod')
    expect((await web.preflight(world.draft(HOME))).principals).toEqual([second])
    expect(JSON.stringify(world.logged)).toContain('latchkey/prod')
  })

  it('of which one cannot be asked about are not called full', async () => {
    const workers = world.driver('workers')
    const [first] = await workers.principals()
    if (!first) throw new Error('two copies were seeded')
    const denied = Array.from({ length: 150 }, (_, n) => `${first.roleId}:g-${String(n).padStart(12, '0')}`)
    await workers.writeDeny(first, { ...deny, denied })
    world.aws.faults.fail(
      { action: 'GetRole', parameters: { RoleName: 'prod-2' } },
      { code: 'ServiceFailure', status: 500, times: 3 },
    )
    await expect(web.preflight(world.draft(HOME))).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })
})
