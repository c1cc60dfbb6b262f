import {
  CreateAccessKeyCommand,
  CreatePolicyCommand,
  CreateRoleCommand,
  CreateUserCommand,
  DeleteAccessKeyCommand,
  DeleteRoleCommand,
  DeleteUserCommand,
  DeleteUserPolicyCommand,
  GetAccountAuthorizationDetailsCommand,
  GetRoleCommand,
  IAMClient,
  ListAccessKeysCommand,
  ListEntitiesForPolicyCommand,
  ListRolesCommand,
  ListUserPoliciesCommand,
  ListUsersCommand,
  PutRolePolicyCommand,
  PutUserPermissionsBoundaryCommand,
  PutUserPolicyCommand,
  paginateGetAccountAuthorizationDetails,
  UpdateAccessKeyCommand,
} from '@aws-sdk/client-iam'
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { hasAwsCli } from '../../test/fixtures/aws-cli-batch.ts'
import { type Keys, REGION, type S3Fixture, startS3Fixture } from './s3-fixture.ts'

/** Users, trust policies and standing rights in the sandbox's IAM, tested with AWS's SDK and CLI. */

const ACCOUNT = '111122223333'
const arnOf = (what: string) => `arn:aws:iam::${ACCOUNT}:${what}`

let fixture: S3Fixture
let iam: IAMClient
const clients: { destroy(): void }[] = []

beforeEach(async () => {
  fixture = await startS3Fixture()
  iam = iamAs(fixture.seeded.keys.owner)
})

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy()
  await fixture.stop()
})

function iamAs(credentials: Keys): IAMClient {
  const client = new IAMClient({ endpoint: fixture.aws.url, region: 'us-east-1', credentials, maxAttempts: 1 })
  clients.push(client)
  return client
}

function stsAs(credentials: Keys): STSClient {
  const client = new STSClient({ endpoint: fixture.aws.url, region: REGION, credentials, maxAttempts: 1 })
  clients.push(client)
  return client
}

const document = (...Statement: object[]) => JSON.stringify({ Version: '2012-10-17', Statement })
const READ = document({ Effect: 'Allow', Action: 's3:GetObject', Resource: '*' })
const trust = (statement: object) => document({ Effect: 'Allow', Action: 'sts:AssumeRole', ...statement })

async function newUser(UserName: string, rights?: object): Promise<Keys> {
  await iam.send(new CreateUserCommand({ UserName }))
  if (rights !== undefined) {
    const PolicyDocument = document(rights)
    await iam.send(new PutUserPolicyCommand({ UserName, PolicyName: 'rights', PolicyDocument }))
  }
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName }))
  return { accessKeyId: AccessKey?.AccessKeyId ?? '', secretAccessKey: AccessKey?.SecretAccessKey ?? '' }
}

const newRole = (RoleName: string, AssumeRolePolicyDocument: string, more: { Path?: string } = {}) =>
  iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument, ...more }))

const enter = (keys: Keys, name: string, RoleSessionName = 'hop') =>
  stsAs(keys).send(new AssumeRoleCommand({ RoleArn: arnOf(`role/${name}`), RoleSessionName }))

const refused = { name: 'AccessDenied' }

describe('a user', () => {
  test('is listed by path, page by page', async () => {
    for (const UserName of ['a', 'b', 'c']) await iam.send(new CreateUserCommand({ UserName, Path: '/people/' }))
    const first = await iam.send(new ListUsersCommand({ PathPrefix: '/people/', MaxItems: 2 }))
    expect([first.Users?.map(({ UserName }) => UserName), first.IsTruncated]).toEqual([['a', 'b'], true])
    const rest = await iam.send(new ListUsersCommand({ PathPrefix: '/people/', Marker: first.Marker }))
    expect([rest.Users?.map(({ UserName }) => UserName), rest.IsTruncated]).toEqual([['c'], false])
  })

  test('has inline policies page by page, and loses them one by one', async () => {
    await newUser('bo')
    for (const PolicyName of ['x', 'y', 'z']) {
      await iam.send(new PutUserPolicyCommand({ UserName: 'bo', PolicyName, PolicyDocument: READ }))
    }
    const first = await iam.send(new ListUserPoliciesCommand({ UserName: 'bo', MaxItems: 2 }))
    expect(first).toMatchObject({ PolicyNames: ['x', 'y'], IsTruncated: true })
    await iam.send(new DeleteUserPolicyCommand({ UserName: 'bo', PolicyName: 'z' }))
    const again = iam.send(new DeleteUserPolicyCommand({ UserName: 'bo', PolicyName: 'z' }))
    await expect(again).rejects.toMatchObject({ name: 'NoSuchEntityException' })
  })

  test('is shut out while the key is inactive, and once it is deleted', async () => {
    const keys = await newUser('bo')
    const who = () => stsAs(keys).send(new GetCallerIdentityCommand({}))
    const named = { UserName: 'bo', AccessKeyId: keys.accessKeyId }
    await iam.send(new UpdateAccessKeyCommand({ ...named, Status: 'Inactive' }))
    await expect(who()).rejects.toMatchObject({ name: 'InvalidClientTokenId' })
    const { AccessKeyMetadata } = await iam.send(new ListAccessKeysCommand({ UserName: 'bo' }))
    expect(AccessKeyMetadata).toMatchObject([{ ...named, Status: 'Inactive' }])
    await iam.send(new UpdateAccessKeyCommand({ ...named, Status: 'Active' }))
    await expect(who()).resolves.toBeDefined()
    await iam.send(new DeleteAccessKeyCommand(named))
    await expect(who()).rejects.toMatchObject({ name: 'InvalidClientTokenId' })
  })
})

describe('who writes the policies of others', () => {
  test('can be held to those who have a boundary', async () => {
    const { Policy } = await iam.send(new CreatePolicyCommand({ PolicyName: 'edge', PolicyDocument: READ }))
    const PermissionsBoundary = Policy?.Arn
    const writer = await newUser('writer', {
      Effect: 'Allow',
      Action: ['iam:PutUserPolicy', 'iam:DeleteUserPolicy', 'iam:ListUserPolicies'],
      Resource: arnOf('user/*'),
      Condition: { StringEquals: { 'iam:PermissionsBoundary': PermissionsBoundary } },
    })
    await newUser('bo')
    const as = iamAs(writer)
    const put = () => as.send(new PutUserPolicyCommand({ UserName: 'bo', PolicyName: 'x', PolicyDocument: READ }))
    await expect(put()).rejects.toMatchObject(refused)
    await iam.send(new PutUserPermissionsBoundaryCommand({ UserName: 'bo', PermissionsBoundary }))
    await expect(put()).resolves.toBeDefined()
    await expect(as.send(new DeleteUserPolicyCommand({ UserName: 'bo', PolicyName: 'x' }))).resolves.toBeDefined()
    // Read calls do not have this condition key, so a policy that requires it allows no read.
    await expect(as.send(new ListUserPoliciesCommand({ UserName: 'bo' }))).rejects.toMatchObject(refused)
  })

  test('can be held to themselves by a variable', async () => {
    const self = arnOf(['user/$', '{aws:username}'].join(''))
    const rights = { Effect: 'Allow', Action: 'iam:ListUserPolicies', Resource: self }
    const bo = iamAs(await newUser('bo', rights))
    await expect(bo.send(new ListUserPoliciesCommand({ UserName: 'bo' }))).resolves.toBeDefined()
    await expect(bo.send(new ListUserPoliciesCommand({ UserName: 'owner' }))).rejects.toMatchObject(refused)
  })
})

describe('a trust policy', () => {
  test('may fix the session name to the name of the user', async () => {
    const name = ['$', '{aws:username}'].join('')
    await newRole(
      'named',
      trust({ Principal: { AWS: ACCOUNT }, Condition: { StringLike: { 'sts:RoleSessionName': name } } }),
    )
    const bo = await newUser('bo', { Effect: 'Allow', Action: 'sts:AssumeRole', Resource: '*' })
    await expect(enter(bo, 'named', 'rita')).rejects.toMatchObject(refused)
    await expect(enter(bo, 'named', 'bo')).resolves.toBeDefined()
  })

  test.each([
    ['SAML', { Federated: arnOf('saml-provider/entra') }, 'sts:AssumeRoleWithSAML'],
    ['a web identity', { Federated: 'accounts.google.com' }, 'sts:AssumeRoleWithWebIdentity'],
  ])('for %s is kept, and lets nobody else in', async (_, Principal, Action) => {
    await newRole('federated', trust({ Principal, Action }))
    const { Role } = await iam.send(new GetRoleCommand({ RoleName: 'federated' }))
    expect(decodeURIComponent(Role?.AssumeRolePolicyDocument ?? '')).toContain(Action)
    await expect(enter(fixture.seeded.keys.owner, 'federated')).rejects.toMatchObject(refused)
  })

  test('does not trust who comes under the name of somebody deleted', async () => {
    const rights = { Effect: 'Allow', Action: 'sts:AssumeRole', Resource: '*' }
    const first = await newUser('bo', rights)
    await newRole('open', trust({ Principal: { AWS: arnOf('user/bo') } }))
    await expect(enter(first, 'open')).resolves.toBeDefined()
    const { userId } = fixture.aws.state.users.get('bo') ?? { userId: '' }
    const bo = { UserName: 'bo' }
    await iam.send(new DeleteUserPolicyCommand({ ...bo, PolicyName: 'rights' }))
    await expect(iam.send(new DeleteUserCommand(bo))).rejects.toMatchObject({ name: 'DeleteConflictException' })
    await iam.send(new DeleteAccessKeyCommand({ ...bo, AccessKeyId: first.accessKeyId }))
    await iam.send(new DeleteUserCommand(bo))
    const second = await newUser('bo', rights)
    await expect(enter(second, 'open')).rejects.toMatchObject(refused)
    const { Role } = await iam.send(new GetRoleCommand({ RoleName: 'open' }))
    expect(JSON.parse(decodeURIComponent(Role?.AssumeRolePolicyDocument ?? '{}'))).toMatchObject({
      Statement: [{ Principal: { AWS: userId } }],
    })
  })
})

test('a role made again under the same name is another one, and sessions of the first hold nothing', async () => {
  const all = document({ Effect: 'Allow', Action: 'iam:*', Resource: '*' })
  const make = async () => {
    const { Role } = await newRole('again', trust({ Principal: { AWS: arnOf('user/owner') } }))
    await iam.send(new PutRolePolicyCommand({ RoleName: 'again', PolicyName: 'all', PolicyDocument: all }))
    return Role?.RoleId
  }
  const first = await make()
  const { Credentials } = await enter(fixture.seeded.keys.owner, 'again')
  const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '' } = Credentials ?? {}
  const session = iamAs({ accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken })
  const read = () => session.send(new GetRoleCommand({ RoleName: 'again' }))
  await expect(read()).resolves.toBeDefined()
  fixture.aws.state.roles.get('again')?.inline.delete('all', 0)
  await iam.send(new DeleteRoleCommand({ RoleName: 'again' }))
  expect(await make()).not.toBe(first)
  await expect(read()).rejects.toMatchObject(refused)
})

test.each([
  ['IAM Identity Center', '/aws-reserved/sso.amazonaws.com/', 'AWSReservedSSO_Analyst_0123456789abcdef'],
  ["AWS's services", '/aws-service-role/events.amazonaws.com/', 'AWSServiceRoleForEvents'],
])('a role of %s is nobody’s to change', async (_, Path, RoleName) => {
  await newRole(RoleName, trust({ Principal: { Service: 'events.amazonaws.com' } }), { Path })
  const put = iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: 'x', PolicyDocument: READ }))
  await expect(put).rejects.toMatchObject({ name: 'UnmodifiableEntityException' })
})

describe('standing rights', () => {
  test('of everybody are told in pages: users, roles and policies with their documents', async () => {
    await newUser('bo', { Effect: 'Allow', Action: 's3:PutObject', Resource: '*' })
    const users: string[] = []
    const roles: string[] = []
    const policies: string[] = []
    let pages = 0
    const documents: string[] = []
    for await (const page of paginateGetAccountAuthorizationDetails({ client: iam, pageSize: 2 }, {})) {
      pages += 1
      users.push(...(page.UserDetailList ?? []).map(({ UserName = '' }) => UserName))
      roles.push(...(page.RoleDetailList ?? []).map(({ RoleName = '' }) => RoleName))
      policies.push(...(page.Policies ?? []).map(({ Arn = '' }) => Arn))
      for (const { UserName, UserPolicyList = [] } of page.UserDetailList ?? []) {
        if (UserName === 'bo') documents.push(...UserPolicyList.map(({ PolicyDocument = '' }) => PolicyDocument))
      }
    }
    const { state } = fixture.aws
    expect([users, roles, policies]).toEqual([
      [...state.users.keys()],
      [...state.roles.keys()],
      [...state.policies.keys()],
    ])
    expect(pages).toBe(Math.ceil((users.length + roles.length + policies.length) / 2))
    expect(decodeURIComponent(documents.join())).toContain('s3:PutObject')
  })

  test('can be asked for roles alone', async () => {
    const asked = new GetAccountAuthorizationDetailsCommand({ Filter: ['Role'] })
    const { UserDetailList, RoleDetailList = [], Policies } = await iam.send(asked)
    expect([UserDetailList, Policies]).toEqual([[], []])
    expect(RoleDetailList[0]).toMatchObject({
      RoleName: 'prod',
      PermissionsBoundary: { PermissionsBoundaryArn: fixture.seeded.boundaryArn },
    })
  })

  test('by one policy: who holds it, and whose boundary it is', async () => {
    const PolicyArn = fixture.seeded.boundaryArn
    const held = await iam.send(new ListEntitiesForPolicyCommand({ PolicyArn }))
    expect(held.PolicyRoles).toEqual([])
    const asked = new ListEntitiesForPolicyCommand({ PolicyArn, PolicyUsageFilter: 'PermissionsBoundary' })
    expect((await iam.send(asked)).PolicyRoles).toMatchObject([{ RoleName: 'prod' }])
  })

  test('a list of roles leaves out what only GetRole tells', async () => {
    const { Roles = [] } = await iam.send(new ListRolesCommand({ PathPrefix: '/latchkey/' }))
    expect(Roles.map(({ RoleName, PermissionsBoundary }) => [RoleName, PermissionsBoundary])).toEqual([
      ['prod', undefined],
    ])
  })

  test.skipIf(!hasAwsCli)('are read by the AWS CLI (needs aws on the PATH)', async () => {
    const args = ['iam', 'get-account-authorization-details', '--output', 'json', '--page-size', '1']
    const ended = await fixture.cli(args, fixture.seeded.keys.owner)
    expect(ended).toMatchObject({ code: 0, stderr: '' })
    const { RoleDetailList, UserDetailList } = JSON.parse(ended.stdout)
    expect(RoleDetailList).toMatchObject([{ RoleName: 'prod', AssumeRolePolicyDocument: { Version: '2012-10-17' } }])
    expect(UserDetailList).toHaveLength(fixture.aws.state.users.size)
  })
})
