import { createHash } from 'node:crypto'
import {
  AttachRolePolicyCommand,
  CreateAccessKeyCommand,
  CreatePolicyCommand,
  CreatePolicyVersionCommand,
  CreateRoleCommand,
  CreateUserCommand,
  DeleteRoleCommand,
  DeleteRolePolicyCommand,
  GetPolicyCommand,
  GetPolicyVersionCommand,
  GetRoleCommand,
  GetRolePolicyCommand,
  GetUserCommand,
  IAMClient,
  ListAttachedRolePoliciesCommand,
  ListPolicyVersionsCommand,
  ListRolePoliciesCommand,
  ListRoleTagsCommand,
  PutRolePermissionsBoundaryCommand,
  PutRolePolicyCommand,
  PutUserPolicyCommand,
  TagRoleCommand,
  UpdateAssumeRolePolicyCommand,
} from '@aws-sdk/client-iam'
import {
  AssumeRoleCommand,
  type AssumeRoleCommandInput,
  GetCallerIdentityCommand,
  STSClient,
} from '@aws-sdk/client-sts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type SandboxAws, startAws } from '../aws/index.ts'
import type { KeyPair, SeededLatchkey } from '../aws/seed.ts'

/** The sandbox's IAM and STS, tested with AWS's SDK. */

const ROLE = 'arn:aws:iam::111122223333:role/latchkey/prod'
const PERSON = '6a1b0f6e-3f0d-4b8a-9a55-1c1f0f9d2a10'

let aws: SandboxAws
let seeded: SeededLatchkey
const clients: { destroy(): void }[] = []

beforeEach(async () => {
  aws = await startAws()
  seeded = aws.seedLatchkey()
})

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy()
  await aws.stop()
})

function iamAs(credentials: KeyPair, maxAttempts = 1): IAMClient {
  const client = new IAMClient({ endpoint: aws.url, region: 'us-east-1', credentials, maxAttempts })
  clients.push(client)
  return client
}

function stsAs(
  credentials: KeyPair & { sessionToken?: string },
  options: { systemClockOffset?: number } = {},
): STSClient {
  const client = new STSClient({ endpoint: aws.url, region: 'eu-west-1', credentials, maxAttempts: 1, ...options })
  clients.push(client)
  return client
}

const policy = (...statements: object[]) => JSON.stringify({ Version: '2012-10-17', Statement: statements })
const READ = policy({ Effect: 'Allow', Action: 's3:GetObject', Resource: 'arn:aws:s3:::finance-reports/*' })

/** A document of exactly this many characters, white space not counted. */
function sized(characters: number): string {
  const bare = policy({ Effect: 'Allow', Action: 's3:GetObject', Resource: 'arn:aws:s3:::b/' })
  return bare.replace('arn:aws:s3:::b/', `arn:aws:s3:::b/${'k'.repeat(characters - bare.length)}`)
}

function grant(more: Partial<AssumeRoleCommandInput> = {}): AssumeRoleCommand {
  return new AssumeRoleCommand({
    RoleArn: ROLE,
    RoleSessionName: 'g-0123456789ab',
    SourceIdentity: PERSON,
    Tags: [{ Key: 'latchkey:grant', Value: 'g-0123456789ab' }],
    DurationSeconds: 900,
    Policy: READ,
    ...more,
  })
}

describe('inline policies', () => {
  test('what was put is read back, listed page by page, and gone once deleted', async () => {
    const iam = iamAs(seeded.keys.owner)
    const document = policy({
      Effect: 'Deny',
      Action: '*',
      Resource: '*',
      Condition: { StringEquals: { 'aws:userid': "a:b'(c)" } },
    })
    await iam.send(
      new PutRolePolicyCommand({ RoleName: 'prod', PolicyName: 'latchkey.deny', PolicyDocument: document }),
    )
    const read = await iam.send(new GetRolePolicyCommand({ RoleName: 'prod', PolicyName: 'latchkey.deny' }))
    expect(decodeURIComponent(read.PolicyDocument ?? '')).toBe(document)
    expect(read.PolicyDocument).not.toMatch(/[!'()*{} ]/)
    await iam.send(new PutRolePolicyCommand({ RoleName: 'prod', PolicyName: 'first', PolicyDocument: READ }))
    const first = await iam.send(new ListRolePoliciesCommand({ RoleName: 'prod', MaxItems: 1 }))
    expect(first).toMatchObject({ PolicyNames: ['first'], IsTruncated: true })
    const second = await iam.send(new ListRolePoliciesCommand({ RoleName: 'prod', Marker: first.Marker }))
    expect(second).toMatchObject({ PolicyNames: ['latchkey.deny'], IsTruncated: false })
    await iam.send(new DeleteRolePolicyCommand({ RoleName: 'prod', PolicyName: 'latchkey.deny' }))
    const again = iam.send(new DeleteRolePolicyCommand({ RoleName: 'prod', PolicyName: 'latchkey.deny' }))
    await expect(again).rejects.toMatchObject({ name: 'NoSuchEntityException' })
  })

  test('a role keeps 10,240 characters of inline policies and no more, white space not counted', async () => {
    const iam = iamAs(seeded.keys.owner)
    const put = (PolicyName: string, PolicyDocument: string) =>
      iam.send(new PutRolePolicyCommand({ RoleName: 'plain', PolicyName, PolicyDocument }))
    const trust = policy({ Effect: 'Allow', Principal: { AWS: '111122223333' }, Action: 'sts:AssumeRole' })
    await iam.send(new CreateRoleCommand({ RoleName: 'plain', AssumeRolePolicyDocument: trust }))
    await put('a', sized(10_000))
    await put('b', sized(240).replaceAll(',', ' ,\n  '))
    await expect(put('b', sized(241))).rejects.toMatchObject({ name: 'LimitExceededException' })
    await expect(put('a', sized(10_000))).resolves.toBeDefined()
  })

  test('a user keeps 2,048', async () => {
    const iam = iamAs(seeded.keys.owner)
    await iam.send(new CreateUserCommand({ UserName: 'bo' }))
    const put = (size: number) =>
      iam.send(new PutUserPolicyCommand({ UserName: 'bo', PolicyName: 'x', PolicyDocument: sized(size) }))
    await expect(put(2049)).rejects.toMatchObject({ name: 'LimitExceededException' })
    await expect(put(2048)).resolves.toBeDefined()
  })

  test.each([
    ['no JSON', '{'],
    ['a principal', policy({ Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: '*' })],
    ['no resource', policy({ Effect: 'Allow', Action: 's3:GetObject' })],
    ['a resource that is no ARN', policy({ Effect: 'Allow', Action: 's3:GetObject', Resource: 'finance-reports' })],
    ['a Sid with a hyphen', policy({ Sid: 'a-b', Effect: 'Allow', Action: 's3:GetObject', Resource: '*' })],
  ])('a document with %s is refused as malformed', async (_, PolicyDocument) => {
    const put = iamAs(seeded.keys.owner).send(
      new PutRolePolicyCommand({ RoleName: 'prod', PolicyName: 'x', PolicyDocument }),
    )
    await expect(put).rejects.toMatchObject({ name: 'MalformedPolicyDocumentException' })
  })

  test('a name outside the pattern is refused before anything else', async () => {
    const put = iamAs(seeded.keys.owner).send(
      new PutRolePolicyCommand({ RoleName: 'prod', PolicyName: 'a b', PolicyDocument: READ }),
    )
    await expect(put).rejects.toMatchObject({ name: 'ValidationError' })
  })
})

describe('roles, boundaries and managed policies', () => {
  test('a role shows its boundary, its longest session and its trust policy', async () => {
    const { Role } = await iamAs(seeded.keys.web).send(new GetRoleCommand({ RoleName: 'prod' }))
    expect(Role).toMatchObject({
      Arn: ROLE,
      Path: '/latchkey/',
      MaxSessionDuration: 3600,
      PermissionsBoundary: { PermissionsBoundaryType: 'Policy', PermissionsBoundaryArn: seeded.boundaryArn },
    })
    expect(Role?.RoleId).toMatch(/^AROA[A-Z2-7]{17}$/)
    expect(JSON.parse(decodeURIComponent(Role?.AssumeRolePolicyDocument ?? ''))).toHaveProperty('Statement')
  })

  test('the life of a role: made, tagged, bounded, attached, and deleted only when bare', async () => {
    const iam = iamAs(seeded.keys.owner)
    const trust = policy({
      Effect: 'Allow',
      Principal: { AWS: 'arn:aws:iam::111122223333:user/owner' },
      Action: 'sts:AssumeRole',
    })
    const create = new CreateRoleCommand({ RoleName: 'copy', Path: '/latchkey/', AssumeRolePolicyDocument: trust })
    await iam.send(create)
    await expect(iam.send(create)).rejects.toMatchObject({ name: 'EntityAlreadyExistsException' })
    await iam.send(new TagRoleCommand({ RoleName: 'copy', Tags: [{ Key: 'team', Value: 'a&b' }] }))
    expect((await iam.send(new ListRoleTagsCommand({ RoleName: 'copy' }))).Tags).toEqual([
      { Key: 'team', Value: 'a&b' },
    ])
    await iam.send(new PutRolePermissionsBoundaryCommand({ RoleName: 'copy', PermissionsBoundary: seeded.boundaryArn }))
    await iam.send(new UpdateAssumeRolePolicyCommand({ RoleName: 'copy', PolicyDocument: trust }))
    await iam.send(new PutRolePolicyCommand({ RoleName: 'copy', PolicyName: 'x', PolicyDocument: READ }))
    const early = iam.send(new DeleteRoleCommand({ RoleName: 'copy' }))
    await expect(early).rejects.toMatchObject({ name: 'DeleteConflictException' })
    await iam.send(new DeleteRolePolicyCommand({ RoleName: 'copy', PolicyName: 'x' }))
    await iam.send(new DeleteRoleCommand({ RoleName: 'copy' }))
    const gone = iam.send(new GetRoleCommand({ RoleName: 'copy' }))
    await expect(gone).rejects.toMatchObject({ name: 'NoSuchEntityException' })
  })

  test.each([
    [
      'names nobody who is there',
      policy({
        Effect: 'Allow',
        Principal: { AWS: 'arn:aws:iam::111122223333:user/nobody' },
        Action: 'sts:AssumeRole',
      }),
    ],
    ['has a resource', policy({ Effect: 'Allow', Principal: '*', Action: 'sts:AssumeRole', Resource: '*' })],
    ['allows more than STS', policy({ Effect: 'Allow', Principal: '*', Action: 's3:GetObject' })],
    ['names nobody at all', policy({ Effect: 'Allow', Action: 'sts:AssumeRole' })],
  ])('a trust policy that %s is refused', async (_, PolicyDocument) => {
    const update = iamAs(seeded.keys.owner).send(
      new UpdateAssumeRolePolicyCommand({ RoleName: 'prod', PolicyDocument }),
    )
    await expect(update).rejects.toMatchObject({ name: 'MalformedPolicyDocumentException' })
  })

  test('a managed policy keeps five versions, and its default one counts', async () => {
    const iam = iamAs(seeded.keys.owner)
    const { Policy } = await iam.send(new CreatePolicyCommand({ PolicyName: 'p', PolicyDocument: READ }))
    const PolicyArn = Policy?.Arn
    const next = () =>
      iam.send(new CreatePolicyVersionCommand({ PolicyArn, PolicyDocument: sized(500), SetAsDefault: true }))
    for (const _ of [2, 3, 4, 5]) await next()
    await expect(next()).rejects.toMatchObject({ name: 'LimitExceededException' })
    const now = await iam.send(new GetPolicyCommand({ PolicyArn }))
    expect(now.Policy?.DefaultVersionId).toBe('v5')
    const { PolicyVersion } = await iam.send(new GetPolicyVersionCommand({ PolicyArn, VersionId: 'v1' }))
    expect(decodeURIComponent(PolicyVersion?.Document ?? '')).toBe(READ)
    expect((await iam.send(new ListPolicyVersionsCommand({ PolicyArn }))).Versions).toHaveLength(5)
    await iam.send(new AttachRolePolicyCommand({ RoleName: 'prod', PolicyArn }))
    const attached = await iam.send(new ListAttachedRolePoliciesCommand({ RoleName: 'prod' }))
    expect(attached.AttachedPolicies).toContainEqual({ PolicyName: 'p', PolicyArn })
  })

  test('a role of IAM Identity Center cannot be edited', async () => {
    const iam = iamAs(seeded.keys.owner)
    const trust = policy({ Effect: 'Allow', Principal: '*', Action: 'sts:AssumeRole' })
    await iam.send(new CreateRoleCommand({ RoleName: 'AWSReservedSSO_Admin_1', AssumeRolePolicyDocument: trust }))
    const put = iam.send(
      new PutRolePolicyCommand({ RoleName: 'AWSReservedSSO_Admin_1', PolicyName: 'x', PolicyDocument: READ }),
    )
    await expect(put).rejects.toMatchObject({ name: 'UnmodifiableEntityException' })
  })

  test('a new user signs with the key that was made for them, and holds nothing yet', async () => {
    const iam = iamAs(seeded.keys.owner)
    await iam.send(new CreateUserCommand({ UserName: 'bo' }))
    const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: 'bo' }))
    expect(AccessKey?.AccessKeyId).toMatch(/^SANDBOX/)
    const keys = { accessKeyId: AccessKey?.AccessKeyId ?? '', secretAccessKey: AccessKey?.SecretAccessKey ?? '' }
    const identity = await stsAs(keys).send(new GetCallerIdentityCommand({}))
    expect(identity.Arn).toBe('arn:aws:iam::111122223333:user/bo')
    await expect(iamAs(keys).send(new GetUserCommand({}))).rejects.toMatchObject({ name: 'AccessDenied' })
  })
})

describe("each identity has its own rights and nobody else's", () => {
  const DENY = new PutRolePolicyCommand({ RoleName: 'prod', PolicyName: 'latchkey.deny', PolicyDocument: READ })

  test('web writes nothing in IAM, and is told so as AWS tells it', async () => {
    await expect(iamAs(seeded.keys.web).send(DENY)).rejects.toMatchObject({
      name: 'AccessDenied',
      message:
        'User: arn:aws:iam::111122223333:user/latchkey-web is not authorized to perform: iam:PutRolePolicy on resource: role prod with an explicit deny in an identity-based policy',
      $metadata: { httpStatusCode: 403 },
    })
  })

  test('workers write an elevation role that has its boundary', async () => {
    await expect(iamAs(seeded.keys.workers).send(DENY)).resolves.toBeDefined()
  })

  test('workers do not write a role without the boundary', async () => {
    const role = seeded.roles[0]
    if (role !== undefined) role.boundaryArn = undefined
    await expect(iamAs(seeded.keys.workers).send(DENY)).rejects.toMatchObject({ name: 'AccessDenied' })
  })

  test('nobody of Latchkey widens what a role may be, boundary first', async () => {
    for (const keys of [seeded.keys.web, seeded.keys.workers]) {
      const widen = iamAs(keys).send(
        new PutRolePermissionsBoundaryCommand({ RoleName: 'prod', PermissionsBoundary: seeded.boundaryArn }),
      )
      await expect(widen).rejects.toThrow(/with an explicit deny in an identity-based policy/)
    }
  })

  test('everyday access reads no role', async () => {
    const read = iamAs(seeded.keys.everyday).send(new GetRoleCommand({ RoleName: 'prod' }))
    await expect(read).rejects.toMatchObject({ name: 'AccessDenied' })
  })
})

describe('signatures', () => {
  const whoami = new GetCallerIdentityCommand({})

  test('an unknown key', async () => {
    const keys = { ...seeded.keys.web, accessKeyId: 'SANDBOXNOBODY' }
    await expect(stsAs(keys).send(whoami)).rejects.toMatchObject({ name: 'InvalidClientTokenId' })
  })

  test('a wrong secret', async () => {
    const keys = { ...seeded.keys.web, secretAccessKey: 'x' }
    await expect(stsAs(keys).send(whoami)).rejects.toMatchObject({ name: 'SignatureDoesNotMatch' })
  })

  test.each([-16, 16])('a clock %i minutes off', async (minutes) => {
    const skewed = stsAs(seeded.keys.web, { systemClockOffset: minutes * 60_000 })
    await expect(skewed.send(whoami)).rejects.toMatchObject({ name: 'SignatureDoesNotMatch' })
  })

  test("a client's own clock stays good enough after the sandbox's was moved", async () => {
    aws.clock.advance(3_600_000)
    await expect(stsAs(seeded.keys.web).send(whoami)).resolves.toBeDefined()
  })

  test('what is no request of AWS at all is answered, and leaves the sandbox well', async () => {
    const signed = `AWS4-HMAC-SHA256 Credential=${seeded.keys.web.accessKeyId}/20261122/eu-west-1/sts/aws4_request, SignedHeaders=host, Signature=0`
    const form = { 'content-type': 'application/x-www-form-urlencoded', authorization: signed }
    const bodies = ['', 'Action=Nothing', 'Action=GetCallerIdentity', 'Action=AssumeRole&Tags.member.1.Key=%zz']
    for (const body of bodies) {
      const answer = await fetch(aws.url, { method: 'POST', headers: form, body })
      expect(answer.status, body).toBe(400)
    }
    expect((await fetch(`${aws.url}/finance-reports/%zz`)).status).toBeGreaterThanOrEqual(400)
    expect((await fetch(`${aws.url}/finance-reports/%zz`)).status).toBeLessThan(500)
    await expect(stsAs(seeded.keys.web).send(whoami)).resolves.toBeDefined()
  })

  test('a session is over when its time is, and its token belongs to its key', async () => {
    const { Credentials } = await stsAs(seeded.keys.web).send(grant())
    const keys = {
      accessKeyId: Credentials?.AccessKeyId ?? '',
      secretAccessKey: Credentials?.SecretAccessKey ?? '',
      sessionToken: Credentials?.SessionToken ?? '',
    }
    expect(keys.accessKeyId).toMatch(/^ASIASANDBOX/)
    const { UserId, Arn } = await stsAs(keys).send(whoami)
    expect(UserId).toBe(`${seeded.roles[0]?.roleId}:g-0123456789ab`)
    expect(Arn).toBe('arn:aws:sts::111122223333:assumed-role/prod/g-0123456789ab')
    const stolen = { ...keys, sessionToken: 'other' }
    await expect(stsAs(stolen).send(whoami)).rejects.toMatchObject({ name: 'InvalidClientTokenId' })
    aws.clock.advance(900_000)
    const late = stsAs(keys, { systemClockOffset: 900_000 }).send(whoami)
    await expect(late).rejects.toMatchObject({ name: 'ExpiredToken' })
  })
})

describe('AssumeRole', () => {
  test('both of Latchkey enter with session name, source identity, tags and a session policy', async () => {
    for (const keys of [seeded.keys.web, seeded.keys.workers]) {
      const answer = await stsAs(keys).send(grant())
      expect(answer.SourceIdentity).toBe(PERSON)
      expect(answer.PackedPolicySize).toBeGreaterThan(0)
    }
  })

  test.each<readonly [string, Partial<AssumeRoleCommandInput>]>([
    ['no source identity', { SourceIdentity: undefined }],
    ['a session name that is no grant id', { RoleSessionName: 'alice' }],
    ['a role that is not there', { RoleArn: 'arn:aws:iam::111122223333:role/latchkey/other' }],
  ])('%s is refused as AccessDenied', async (_, more) => {
    await expect(stsAs(seeded.keys.web).send(grant(more))).rejects.toMatchObject({ name: 'AccessDenied' })
  })

  test('who the trust policy does not name does not enter, whatever else they may do', async () => {
    await expect(stsAs(seeded.keys.owner).send(grant())).rejects.toMatchObject({ name: 'AccessDenied' })
  })

  test('tagging is a permission of its own in the trust policy', async () => {
    const role = seeded.roles[0]
    if (role !== undefined) role.trustPolicy = role.trustPolicy.replace(',"sts:TagSession"', '')
    await expect(stsAs(seeded.keys.web).send(grant())).rejects.toThrow(/sts:TagSession/)
    await expect(stsAs(seeded.keys.web).send(grant({ Tags: [] }))).resolves.toBeDefined()
  })

  test('and in the policy of the caller', async () => {
    const Deny = policy({ Effect: 'Deny', Action: 'sts:SetSourceIdentity', Resource: '*' })
    aws.state.users.get('latchkey-web')?.inline.put('no-source-identity', Deny, aws.clock.now())
    await expect(stsAs(seeded.keys.web).send(grant())).rejects.toThrow(/sts:SetSourceIdentity/)
  })

  test.each<readonly [string, string, Partial<AssumeRoleCommandInput>]>([
    ['less than 900 seconds', 'ValidationError', { DurationSeconds: 899 }],
    ['more than the role allows', 'ValidationError', { DurationSeconds: 3601 }],
    ['a session name with a colon', 'ValidationError', { RoleSessionName: 'g-a:b' }],
    ['a source identity of aws', 'ValidationError', { SourceIdentity: 'aws:me' }],
    [
      'a session policy over 2,048 characters, white space included',
      'ValidationError',
      { Policy: READ + ' '.repeat(2048) },
    ],
    ['a session policy that is none', 'MalformedPolicyDocumentException', { Policy: '{}' }],
    [
      'two tags of one key',
      'InvalidParameterValue',
      {
        Tags: [
          { Key: 'a', Value: '1' },
          { Key: 'A', Value: '2' },
        ],
      },
    ],
  ])('%s is refused as %s', async (_, name, more) => {
    await expect(stsAs(seeded.keys.web).send(grant(more))).rejects.toMatchObject({ name })
  })

  test('policy and tags that do not pack are refused though each is short enough', async () => {
    const Tags = Array.from({ length: 45 }, (_, index) => ({
      Key: `k${index}`,
      Value: createHash('sha384').update(`${index}`).digest('base64url'),
    }))
    await expect(stsAs(seeded.keys.web).send(grant({ Tags }))).rejects.toMatchObject({
      name: 'PackedPolicyTooLargeException',
    })
  })

  test('a role entered from a role lasts an hour at most', async () => {
    const [prod] = seeded.roles
    if (prod === undefined) throw new Error('no role')
    prod.maxSessionSeconds = 43_200
    const long = await stsAs(seeded.keys.web).send(grant({ DurationSeconds: 7200, Policy: undefined }))
    prod.inline.put('chain', policy({ Effect: 'Allow', Action: 'sts:*', Resource: '*' }), aws.clock.now())
    prod.boundaryArn = undefined
    prod.attached.clear()
    prod.trustPolicy = policy({
      Effect: 'Allow',
      Principal: { AWS: ROLE },
      Action: ['sts:AssumeRole', 'sts:SetSourceIdentity'],
    })
    const inside = stsAs({
      accessKeyId: long.Credentials?.AccessKeyId ?? '',
      secretAccessKey: long.Credentials?.SecretAccessKey ?? '',
      sessionToken: long.Credentials?.SessionToken ?? '',
    })
    const chained = (DurationSeconds: number) =>
      new AssumeRoleCommand({ RoleArn: ROLE, RoleSessionName: 'g-two', DurationSeconds })
    await expect(inside.send(chained(3601))).rejects.toThrow(/1 hour session limit/)
    expect((await inside.send(chained(3600))).SourceIdentity).toBe(PERSON)
  })
})

describe('what tests do to replies', () => {
  const put = new PutRolePolicyCommand({ RoleName: 'prod', PolicyName: 'latchkey.deny', PolicyDocument: READ })
  const held = () => seeded.roles[0]?.inline.current().has('latchkey.deny')

  test('a held reply has had its effect', async () => {
    const hold = aws.faults.hold({ action: 'PutRolePolicy', parameters: { RoleName: 'prod' } })
    const answer = iamAs(seeded.keys.workers).send(put)
    await hold.arrived
    expect(held()).toBe(true)
    hold.release()
    await expect(answer).resolves.toBeDefined()
  })

  test('what is held before its effect and dropped never has one', async () => {
    const hold = aws.faults.hold({ action: 'PutRolePolicy' }, { when: 'before' })
    const answer = iamAs(seeded.keys.workers).send(put)
    const failed = expect(answer).rejects.toThrow()
    await hold.arrived
    hold.drop()
    await failed
    expect(held()).toBe(false)
  })

  test('a lost reply has had its effect', async () => {
    aws.faults.loseReply({ action: 'PutRolePolicy' })
    await expect(iamAs(seeded.keys.workers).send(put)).rejects.toThrow()
    expect(held()).toBe(true)
  })

  test('an injected error has had none, and is spent after its times', async () => {
    aws.faults.fail({ action: 'PutRolePolicy' }, { code: 'ConcurrentModification', status: 409 })
    const iam = iamAs(seeded.keys.workers)
    await expect(iam.send(put)).rejects.toMatchObject({ name: 'ConcurrentModificationException' })
    expect(held()).toBe(false)
    await expect(iam.send(put)).resolves.toBeDefined()
  })

  test('the SDK takes injected throttling for throttling and tries again', async () => {
    aws.faults.fail({ service: 'iam' }, { code: 'Throttling', status: 400, times: 1 })
    await expect(iamAs(seeded.keys.workers, 3).send(put)).resolves.toBeDefined()
  })
})

test('the journal says who asked for what and how it ended, and holds no secret', async () => {
  const entry = aws.journal.waitFor(({ action }) => action === 'AssumeRole')
  const { Credentials } = await stsAs(seeded.keys.web).send(grant())
  await iamAs(seeded.keys.everyday)
    .send(new GetRoleCommand({ RoleName: 'prod' }))
    .catch((error: Error) => error)
  expect(await entry).toMatchObject({
    service: 'sts',
    identity: 'arn:aws:iam::111122223333:user/latchkey-web',
    parameters: { RoleArn: ROLE, RoleSessionName: 'g-0123456789ab', SourceIdentity: PERSON },
    outcome: 'done',
  })
  expect(aws.journal.entries().at(-1)).toMatchObject({
    action: 'GetRole',
    outcome: 'refused',
    errorCode: 'AccessDenied',
  })
  const written = JSON.stringify(aws.journal.entries())
  const secrets = [Credentials?.SecretAccessKey, Credentials?.SessionToken, seeded.keys.web.secretAccessKey]
  for (const secret of secrets) expect(written).not.toContain(secret ?? 'no secret was made')
})

test("answers carry the sandbox's clock", async () => {
  aws.clock.advance(86_400_000)
  const { headers } = await fetch(aws.url)
  expect(Math.abs(Date.parse(headers.get('date') ?? '') - aws.clock.now())).toBeLessThan(60_000)
})

test('a policy is enforced only once it has propagated, though it is read back at once', async () => {
  aws.state.propagationMs = 4000
  const bo = { Effect: 'Allow', Action: 'iam:GetUser', Resource: '*' }
  const owner = iamAs(seeded.keys.owner)
  await owner.send(new PutUserPolicyCommand({ UserName: 'everyday', PolicyName: 'x', PolicyDocument: policy(bo) }))
  const everyday = iamAs(seeded.keys.everyday)
  await expect(everyday.send(new GetUserCommand({}))).rejects.toMatchObject({ name: 'AccessDenied' })
  aws.clock.advance(4000)
  await expect(everyday.send(new GetUserCommand({}))).resolves.toBeDefined()
})
