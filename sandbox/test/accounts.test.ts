import {
  CreateAccessKeyCommand,
  CreateRoleCommand,
  CreateUserCommand,
  GetRoleCommand,
  IAMClient,
  ListRolesCommand,
  PutRolePolicyCommand,
  PutUserPolicyCommand,
} from '@aws-sdk/client-iam'
import { ListBucketsCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import {
  AssumeRoleCommand,
  type AssumeRoleCommandInput,
  GetCallerIdentityCommand,
  STSClient,
} from '@aws-sdk/client-sts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type SandboxAws, startAws } from '../aws/index.ts'
import type { Keys } from './s3-fixture.ts'

/** Several accounts of the sandbox (IAM User Guide, "Cross-account policy evaluation logic", "Chaining roles"), tested with AWS's SDK. */

const HOME = '111122223333'
const OTHER = '444455556666'
const HUB = `arn:aws:iam::${OTHER}:role/latchkey-hub`
const LEAF = `arn:aws:iam::${OTHER}:role/leaf`

let aws: SandboxAws
let owners: { readonly home: Keys; readonly other: Keys }
let broker: Keys
const clients: { destroy(): void }[] = []

const policy = (...statements: object[]) => JSON.stringify({ Version: '2012-10-17', Statement: statements })
const trust = (AWS: string, Condition: object = {}, Action: string | string[] = 'sts:AssumeRole') =>
  policy({ Effect: 'Allow', Principal: { AWS }, Action, Condition })

function kept<Client extends { destroy(): void }>(client: Client): Client {
  clients.push(client)
  return client
}

const at = (credentials: Keys) => ({ endpoint: aws.url, region: 'eu-west-1', credentials, maxAttempts: 1 })
const iamAs = (keys: Keys) => kept(new IAMClient(at(keys)))
const stsAs = (keys: Keys) => kept(new STSClient(at(keys)))
const s3As = (keys: Keys) => kept(new S3Client({ ...at(keys), forcePathStyle: true }))

beforeEach(async () => {
  aws = await startAws({ account: HOME })
  owners = {
    home: aws.seedLatchkey().keys.owner,
    other: aws.seedLatchkey({ buckets: [{ name: 'other-reports' }] }, OTHER).keys.owner,
  }
  broker = await newUser('broker', policy({ Effect: 'Allow', Action: 'sts:*', Resource: HUB }))
})

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy()
  await aws.stop()
})

async function newUser(UserName: string, PolicyDocument: string): Promise<Keys> {
  const iam = iamAs(owners.home)
  await iam.send(new CreateUserCommand({ UserName }))
  await iam.send(new PutUserPolicyCommand({ UserName, PolicyName: 'rights', PolicyDocument }))
  return keysOf((await iam.send(new CreateAccessKeyCommand({ UserName }))).AccessKey)
}

interface Given {
  readonly AccessKeyId?: string | undefined
  readonly SecretAccessKey?: string | undefined
  readonly SessionToken?: string | undefined
}

function keysOf(given: Given | undefined): Keys {
  const { AccessKeyId = '', SecretAccessKey = '', SessionToken } = given ?? {}
  const token = SessionToken === undefined ? {} : { sessionToken: SessionToken }
  return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, ...token }
}

async function newRole(RoleName: string, AssumeRolePolicyDocument: string, rights?: string): Promise<void> {
  const iam = iamAs(owners.other)
  await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument, MaxSessionDuration: 43_200 }))
  if (rights === undefined) return
  await iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: 'rights', PolicyDocument: rights }))
}

async function enter(keys: Keys, RoleArn: string, more: Partial<AssumeRoleCommandInput> = {}): Promise<Keys> {
  const asked = new AssumeRoleCommand({ RoleArn, RoleSessionName: 'hop', ...more })
  return keysOf((await stsAs(keys).send(asked)).Credentials)
}

const refused = { name: 'AccessDenied' }

test('a key belongs to one account, and IAM shows its caller no other', async () => {
  const { Arn } = await stsAs(owners.other).send(new GetCallerIdentityCommand({}))
  expect(Arn).toBe(`arn:aws:iam::${OTHER}:user/owner`)
  await newRole('only-there', trust(OTHER))
  await expect(iamAs(owners.home).send(new GetRoleCommand({ RoleName: 'only-there' }))).rejects.toMatchObject({
    name: 'NoSuchEntityException',
  })
  const { Roles = [] } = await iamAs(owners.other).send(new ListRolesCommand({}))
  expect(Roles.map(({ Arn }) => Arn)).toContain(`arn:aws:iam::${OTHER}:role/only-there`)
  expect(Roles.every(({ Arn }) => Arn?.includes(OTHER))).toBe(true)
})

test('roles of one name in two accounts are two roles', async () => {
  const [one, two] = await Promise.all(
    [owners.home, owners.other].map((keys) => iamAs(keys).send(new GetRoleCommand({ RoleName: 'prod' }))),
  )
  expect(one?.Role?.RoleId).not.toBe(two?.Role?.RoleId)
})

test('a trust policy cannot name whom another account does not have', async () => {
  const nobody = trust(`arn:aws:iam::${HOME}:user/nobody`)
  await expect(newRole('r', nobody)).rejects.toMatchObject({ name: 'MalformedPolicyDocumentException' })
})

describe('a role of another account', () => {
  test('is entered when both sides allow, and the session is of its account', async () => {
    await newRole('latchkey-hub', trust(`arn:aws:iam::${HOME}:user/broker`))
    const hub = await enter(broker, HUB)
    const { Arn, Account } = await stsAs(hub).send(new GetCallerIdentityCommand({}))
    expect([Arn, Account]).toEqual([`arn:aws:sts::${OTHER}:assumed-role/latchkey-hub/hop`, OTHER])
  })

  test('is closed when the caller has no right of its own, though the trust policy names the caller', async () => {
    await newRole('leaf', trust(`arn:aws:iam::${HOME}:user/broker`))
    await expect(enter(broker, LEAF)).rejects.toMatchObject(refused)
  })

  test('is closed when its trust policy names somebody else', async () => {
    await newRole('latchkey-hub', trust(`arn:aws:iam::${HOME}:user/owner`))
    await expect(enter(broker, HUB)).rejects.toMatchObject(refused)
  })

  test('with an ExternalId is entered with that one only', async () => {
    await newRole('latchkey-hub', trust(HOME, { StringEquals: { 'sts:ExternalId': 'tenant-1' } }))
    await expect(enter(broker, HUB)).rejects.toMatchObject(refused)
    await expect(enter(broker, HUB, { ExternalId: 'tenant-2' })).rejects.toMatchObject(refused)
    await expect(enter(broker, HUB, { ExternalId: 'tenant-1' })).resolves.toBeDefined()
  })
})

describe('a chain of roles', () => {
  const hubRights = policy({ Effect: 'Allow', Action: 'sts:*', Resource: LEAF })
  const all = ['sts:AssumeRole', 'sts:SetSourceIdentity', 'sts:TagSession']

  test('lasts an hour at most, whatever the role allows', async () => {
    await newRole('latchkey-hub', trust(HOME), hubRights)
    await newRole('leaf', trust(HUB))
    const hub = await enter(broker, HUB, { DurationSeconds: 43_200 })
    await expect(enter(hub, LEAF, { DurationSeconds: 3601 })).rejects.toMatchObject({
      name: 'ValidationError',
      message: 'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.',
    })
    await expect(enter(hub, LEAF, { DurationSeconds: 3600 })).resolves.toBeDefined()
  })

  test('keeps its source identity, refuses another, and needs each role to let it be set', async () => {
    await newRole('latchkey-hub', trust(HOME, {}, all), hubRights)
    await newRole('leaf', trust(HUB, {}, all))
    await newRole('strict', trust(HUB))
    const hub = await enter(broker, HUB, { SourceIdentity: 'rita' })
    await expect(enter(hub, LEAF, { SourceIdentity: 'max' })).rejects.toMatchObject(refused)
    await expect(enter(hub, `arn:aws:iam::${OTHER}:role/strict`)).rejects.toMatchObject(refused)
    const leaf = await enter(hub, LEAF)
    expect(aws.account(OTHER).sessions.get(leaf.accessKeyId)?.sourceIdentity).toBe('rita')
  })

  test('takes transitive tags along, no others, and does not let them be set anew', async () => {
    await newRole('latchkey-hub', trust(HOME, {}, all), hubRights)
    await newRole('leaf', trust(HUB, {}, all))
    const Tags = ['stays', 'goes'].map((Key) => ({ Key, Value: 'x' }))
    const hub = await enter(broker, HUB, { Tags, TransitiveTagKeys: ['stays'] })
    const leaf = await enter(hub, LEAF)
    expect([...(aws.account(OTHER).sessions.get(leaf.accessKeyId)?.tags ?? [])]).toEqual([['stays', 'x']])
    await expect(enter(hub, LEAF, { Tags: [{ Key: 'Stays', Value: 'y' }] })).rejects.toMatchObject({
      name: 'InvalidParameterValue',
    })
  })
})

describe('a bucket of another account', () => {
  const put = (keys: Keys) => s3As(keys).send(new PutObjectCommand({ Bucket: 'other-reports', Key: 'a', Body: 'x' }))
  const openTo = (AWS: string) => {
    const bucket = aws.state.buckets.get('other-reports')
    const allow = { Effect: 'Allow', Principal: { AWS }, Action: 's3:PutObject' }
    if (bucket) bucket.policy = policy({ ...allow, Resource: 'arn:aws:s3:::other-reports/*' })
  }

  test('is written when both sides allow', async () => {
    openTo(HOME)
    await expect(put(owners.home)).resolves.toBeDefined()
  })

  test('is closed when only the caller is allowed to', async () => {
    await expect(put(owners.home)).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining('because no resource-based policy allows the s3:PutObject action'),
    })
  })

  test('is closed when only the bucket policy allows, though it names the caller', async () => {
    openTo(`arn:aws:iam::${HOME}:user/broker`)
    await expect(put(broker)).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining('because no identity-based policy allows the s3:PutObject action'),
    })
  })

  test("is not in the list of the caller's own", async () => {
    const { Buckets = [] } = await s3As(owners.home).send(new ListBucketsCommand({}))
    expect(Buckets.map(({ Name }) => Name)).toEqual(['finance-reports'])
  })
})
