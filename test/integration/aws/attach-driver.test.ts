import { inspect } from 'node:util'
import {
  CreatePolicyVersionCommand,
  DeleteRolePermissionsBoundaryCommand,
  PutRolePolicyCommand,
  PutUserPolicyCommand,
  UpdateAssumeRolePolicyCommand,
} from '@aws-sdk/client-iam'
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type SandboxAws, startAws } from '../../../sandbox/aws/index.ts'
import { addKey, defaultKeyPolicy } from '../../../sandbox/aws/kms/keys.ts'
import type { KeyPair, SeededLatchkey } from '../../../sandbox/aws/seed.ts'
import { type AttachDriver, attachDriver } from '../../../src/aws/attach/attach-driver.ts'
import { awsClients } from '../../../src/aws/clients.ts'
import { type ErrorCode, LatchkeyError } from '../../../src/errors.ts'
import { entityOf } from '../../../src/grants/iam-entity.ts'
import type { AttachPrincipal } from '../../../src/grants/principal.ts'
import type { Bucket } from '../../../src/rules/rules.ts'
import { type AttachWorld, attachContract, draftOf, orderOf } from '../../contract/attach.contract.ts'
import {
  BUCKET,
  entitiesOf,
  makeOwnIdentities,
  type OwnIdentities,
  REGION,
  SHARED_ROLE,
  trustOf,
} from '../../fixtures/attach-driver.ts'
import { useAws } from '../use-aws.ts'

interface World extends AttachWorld, OwnIdentities {
  readonly aws: SandboxAws
  readonly keys: SeededLatchkey['keys']
  /** Everything that the driver wrote to its log. */
  readonly logged: unknown[]
}

function driverAs(keys: KeyPair, aws: SandboxAws, logged: unknown[], bucket: Partial<Bucket> = {}): AttachDriver {
  useAws(aws.url, keys)
  const log = { warn: (...line: readonly unknown[]) => logged.push(line) }
  const prod = { name: 'prod', id: aws.state.account, elevationRole: 'latchkey/prod', copies: 1 }
  const accounts = new Map([['prod', prod]])
  return attachDriver({
    accounts,
    clients: awsClients({ accounts, part: 'workers', log }),
    buckets: new Map([[BUCKET, { bucket: BUCKET, account: 'prod', region: REGION, owners: [], ...bucket }]]),
    principals: new Map(),
    log,
  })
}

async function startWorld(): Promise<World> {
  const aws = await startAws()
  const { keys } = aws.seedLatchkey({ entities: entitiesOf(aws.state.account) })
  const identities = await makeOwnIdentities(aws, keys.owner)
  const logged: unknown[] = []
  aws.state.users.delete('dave')
  return {
    ...identities,
    aws,
    logged,
    keys,
    driver: driverAs(keys.workers, aws, logged),
    account: aws.state.account,
    bucket: BUCKET,
    sharedRole: SHARED_ROLE,
    gone: { account: aws.state.account, kind: 'user', name: 'dave' },
    now: () => aws.clock.now(),
    advance: (ms) => aws.clock.advance(ms),
    async stop() {
      identities.close()
      await aws.stop()
    },
  }
}

attachContract('the attach driver against the sandbox', startWorld)

describe('the attach driver', () => {
  let world: World
  let alice: AttachPrincipal

  beforeEach(async () => {
    world = await startWorld()
    ;[alice] = await world.driver.preflight(draftOf(world, 'alice', 'g-000000000000'))
  })
  afterEach(() => world.stop())

  const GRANT = 'g-000000000001'
  const preflight = (who: 'alice' | 'carol' = 'alice') => world.driver.preflight(draftOf(world, who, GRANT))
  const activate = () => world.driver.activate(orderOf(world, alice, GRANT), world.now())
  const calls = (action: string) => world.aws.journal.entries().filter((entry) => entry.action === action).length
  const held = () => world.driver.attached(entityOf(alice))
  const trust = (PolicyDocument: string) =>
    world.owner.send(new UpdateAssumeRolePolicyCommand({ RoleName: SHARED_ROLE, PolicyDocument }))

  async function refusal(call: Promise<unknown>): Promise<{ code: ErrorCode; message: string; awsCode?: string }> {
    const error = await call.then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    if (!(error instanceof LatchkeyError)) throw new Error(`Nothing was refused: ${inspect(error)}`)
    return { code: error.code, message: error.message, ...('awsCode' in error.facts ? error.facts : {}) }
  }

  it('web looks, and can write nothing', async () => {
    const web = driverAs(world.keys.web, world.aws, world.logged)
    expect(await web.preflight(draftOf(world, 'carol', GRANT))).toHaveLength(1)
    expect(await web.preflight(draftOf(world, 'alice', GRANT))).toEqual([alice])
    const order = orderOf(world, alice, GRANT)
    expect(await refusal(web.activate(order, world.now()))).toMatchObject({ awsCode: 'AccessDenied' })
  })

  it('refuses a shared role into which people come under a name of their own choice', async () => {
    await trust(trustOf(world.account, { Condition: {} }))
    expect(await refusal(preflight())).toMatchObject({ code: 'AWS_REFUSED', awsCode: 'HolderNotInOrder' })
    expect(inspect(world.logged, { depth: 9 })).toContain('sts:RoleSessionName')
    expect(await world.driver.entityState(entityOf(alice))).toMatchObject({ faults: [expect.stringContaining('sts:')] })
  })

  it('activates nothing on a role whose trust was opened after the ask', async () => {
    await trust(trustOf(world.account, { Condition: {} }))
    expect(await refusal(activate())).toMatchObject({ awsCode: 'HolderNotInOrder' })
    expect(await held()).toEqual([])
  })

  it('refuses a holder without a boundary, and one whose boundary denies too little', async () => {
    const role = world.aws.state.roles.get(SHARED_ROLE)
    const PolicyDocument = JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }],
    })
    await world.owner.send(
      new CreatePolicyVersionCommand({ PolicyArn: role?.boundaryArn, PolicyDocument, SetAsDefault: true }),
    )
    expect(await refusal(preflight())).toMatchObject({ awsCode: 'HolderNotInOrder' })
    expect(inspect(world.logged, { depth: 9 })).toContain('does not deny iam:*')
    await world.owner.send(new DeleteRolePermissionsBoundaryCommand({ RoleName: SHARED_ROLE }))
    expect(await refusal(activate())).toMatchObject({ awsCode: 'HolderNotInOrder' })
    expect(inspect(world.logged, { depth: 9 })).toContain('no permissions boundary')
  })

  it.each(['AWSReservedSSO_Writers_0123456789abcdef', 'AWSServiceRoleForConfig'])(
    'refuses %s, which only AWS may write',
    async (name) => {
      const before = world.aws.journal.entries().length
      const draft = {
        ...draftOf(world, 'alice', GRANT),
        ownIdentity: { kind: 'role', name, sessionName: 'alice' } as const,
      }
      expect((await refusal(world.driver.preflight(draft))).code).toBe('NOT_ELIGIBLE')
      expect(world.aws.journal.entries()).toHaveLength(before)
    },
  )

  it('refuses an elevation role as holder', async () => {
    const draft = {
      ...draftOf(world, 'alice', GRANT),
      ownIdentity: { kind: 'role', name: 'prod', sessionName: 'g-x' } as const,
    }
    expect(await refusal(world.driver.preflight(draft))).toMatchObject({ awsCode: 'HolderNotInOrder' })
  })

  it('refuses a shared role when the rules do not say what its sessions are called', async () => {
    const draft = { ...draftOf(world, 'alice', GRANT), ownIdentity: { kind: 'role', name: SHARED_ROLE } as const }
    expect((await refusal(world.driver.preflight(draft))).code).toBe('NOT_ELIGIBLE')
  })

  it.each(['role', 'user'] as const)(
    'counts what a %s has inline before anybody is asked, and says the numbers',
    async (kind) => {
      const most = kind === 'role' ? 10_240 : 2_048
      const Resource = `arn:aws:s3:::${'a'.repeat(most - 700)}`
      const PolicyDocument = JSON.stringify(
        { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 's3:GetObject', Resource }] },
        null,
        2,
      )
      const filler = { PolicyName: 'filler', PolicyDocument }
      if (kind === 'role') await world.owner.send(new PutRolePolicyCommand({ RoleName: SHARED_ROLE, ...filler }))
      else await world.owner.send(new PutUserPolicyCommand({ UserName: 'carol', ...filler }))
      const { code, message } = await refusal(preflight(kind === 'role' ? 'alice' : 'carol'))
      expect(code).toBe('QUOTA_FULL')
      expect(message).toMatch(new RegExp(`${most} characters; \\d+ are taken, and this needs \\d+`))
      // The refusal names the right reason and came before AWS was changed.
      if (kind === 'role') expect((await refusal(activate())).message).toMatch(/are taken, and this needs/)
    },
  )

  it('activates nothing while the clock of AWS is ten minutes off', async () => {
    const order = orderOf(world, alice, GRANT)
    expect(await refusal(world.driver.activate(order, world.now() - 600_000))).toMatchObject({ awsCode: 'ClockSkew' })
    expect(calls('PutRolePolicy')).toBe(1)
    expect(await held()).toEqual([])
  })

  it('a put whose answer is lost is done, and known to be', async () => {
    world.aws.faults.loseReply({ action: 'PutRolePolicy' }, 3)
    await activate()
    expect(await world.alice.put('2026/a')).toBe('done')
  })

  it('two writes of one role that met are one after the other', async () => {
    world.aws.faults.fail({ action: 'PutRolePolicy' }, { code: 'ConcurrentModification', status: 409, times: 2 })
    await activate()
    expect(await world.alice.put('2026/a')).toBe('done')
  })

  it('what AWS does not let anybody write is a refusal that names it', async () => {
    world.aws.faults.fail({ action: 'PutRolePolicy' }, { code: 'UnmodifiableEntity', status: 400 })
    expect(await refusal(activate())).toMatchObject({ code: 'AWS_REFUSED', awsCode: 'UnmodifiableEntityException' })
  })

  it('a policy that AWS does not read back as it was written is no grant', async () => {
    const reading = world.aws.faults.hold({ action: 'GetRolePolicy' }, { when: 'before' })
    const activating = refusal(activate())
    await reading.arrived
    world.aws.state.roles.get(SHARED_ROLE)?.inline.put(`latchkey.${GRANT}`, trustOf(world.account), world.now())
    reading.release()
    expect(await activating).toMatchObject({ awsCode: 'ReadBackDiffers' })
  })

  it('what is still there after it was taken away is not called gone', async () => {
    await activate()
    const reading = world.aws.faults.hold({ action: 'GetRolePolicy' }, { when: 'before' })
    const detaching = refusal(world.driver.detach(entityOf(alice), `latchkey.${GRANT}`, 'early-revoke'))
    await reading.arrived
    world.aws.state.roles.get(SHARED_ROLE)?.inline.put(`latchkey.${GRANT}`, '{}', world.now())
    reading.release()
    expect(await detaching).toMatchObject({ awsCode: 'ReadBackDiffers' })
  })

  it('a taking away whose answer is lost is done', async () => {
    await activate()
    world.aws.faults.loseReply({ action: 'DeleteRolePolicy' }, 3)
    await world.driver.detach(entityOf(alice), `latchkey.${GRANT}`, 'early-revoke')
    expect(await held()).toEqual([])
  })

  it.each(['role', 'user'] as const)('finds every policy of a %s, however many pages AWS needs', async (kind) => {
    const names = Array.from({ length: 250 }, (_, index) => `latchkey.g-${String(index).padStart(12, '0')}`)
    const entity = kind === 'role' ? world.aws.state.roles.get(SHARED_ROLE) : world.aws.state.users.get('carol')
    for (const name of names) entity?.inline.put(name, '{}', world.now())
    const target = { account: world.account, kind, name: kind === 'role' ? SHARED_ROLE : 'carol' }
    expect((await world.driver.attached(target)).map(({ policyName }) => policyName)).toEqual(names)
  })

  /** An object that the owner encrypted and Alice reads. Her own policies allow GetObject for every object but no KMS key. */
  async function readEncrypted(bucketKey: boolean, rules: Partial<Bucket>): Promise<readonly string[]> {
    const policy = defaultKeyPolicy(world.account)
    const draft = { region: REGION, description: '', manager: 'CUSTOMER', policy } as const
    const kmsKey = addKey(world.aws.state, world.now(), draft).arn
    const state = world.aws.state.buckets.get(BUCKET)
    if (!state) throw new Error('The seed makes it')
    world.aws.state.buckets.set(BUCKET, { ...state, encryption: { algorithm: 'aws:kms', kmsKey, bucketKey } })
    const client = { region: REGION, endpoint: world.aws.s3Url, forcePathStyle: true }
    const owner = new S3Client({ ...client, credentials: world.keys.owner })
    for (const Key of ['2026/a', '2025/a']) await owner.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body: 'x' }))
    owner.destroy()
    const driver = driverAs(world.keys.workers, world.aws, world.logged, { kmsKey, ...rules })
    await driver.activate(orderOf(world, alice, GRANT, { levels: ['read'] }), world.now())
    return [await world.alice.get('2026/a'), await world.alice.get('2025/a')]
  }

  it('opens no object beyond the scope by the key of the bucket, though the person may get them all', async () => {
    expect(await readEncrypted(false, {})).toEqual(['done', 'AccessDenied'])
  })

  it('opens nothing by a bucket key that the rules do not name, and all that it encrypts where they do', async () => {
    expect(await readEncrypted(true, {})).toEqual(['AccessDenied', 'AccessDenied'])
    expect(await readEncrypted(true, { bucketKey: true })).toEqual(['done', 'done'])
  })

  it('a role that was made again under its old name is not the one that was approved', async () => {
    const role = world.aws.state.roles.get(SHARED_ROLE)
    if (role) world.aws.state.roles.set(SHARED_ROLE, { ...role, roleId: 'AROAANOTHERONE0000000' })
    expect(await refusal(activate())).toMatchObject({ awsCode: 'OtherHolder' })
    expect(await held()).toEqual([])
  })
})
