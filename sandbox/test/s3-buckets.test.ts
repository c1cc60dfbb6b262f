import { Agent } from 'node:http'
import {
  DeleteBucketPolicyCommand,
  GetBucketEncryptionCommand,
  GetBucketLocationCommand,
  GetBucketPolicyCommand,
  HeadBucketCommand,
  PutBucketEncryptionCommand,
  PutBucketPolicyCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { hasAwsCli } from '../../test/fixtures/aws-cli-batch.ts'
import { BUCKET, type Keys, PREFIX, REGION, type S3Fixture, startS3Fixture } from './s3-fixture.ts'

/** Settings of the sandbox's buckets and the conditions of their policies, tested with AWS's clients. */

const Bucket = BUCKET
const Key = `${PREFIX}a.csv`

let fixture: S3Fixture
let owner: S3Client
const clients: S3Client[] = []

beforeEach(async () => {
  fixture = await startS3Fixture()
  owner = fixture.s3(fixture.seeded.keys.owner)
})

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy()
  await fixture.stop()
})

function s3At(endpoint: string, credentials: Keys, more: { region?: string; localAddress?: string } = {}): S3Client {
  const { region = REGION, localAddress } = more
  const handler = localAddress && { requestHandler: { httpAgent: new Agent({ localAddress }) } }
  const client = new S3Client({ endpoint, region, credentials, forcePathStyle: true, maxAttempts: 1, ...handler })
  clients.push(client)
  return client
}

const policy = (...statements: object[]) => JSON.stringify({ Version: '2012-10-17', Statement: statements })
const putPolicy = (...statements: object[]) =>
  owner.send(new PutBucketPolicyCommand({ Bucket, Policy: policy(...statements) }))
const OBJECTS = `arn:aws:s3:::${BUCKET}/*`
const denyUnless = (operator: string, key: string, value: string) => ({
  Effect: 'Deny',
  Principal: '*',
  Action: 's3:PutObject',
  Resource: OBJECTS,
  Condition: { [operator]: { [key]: value } },
})
const write = (s3: S3Client) => s3.send(new PutObjectCommand({ Bucket, Key, Body: 'x' }))
const refused = { name: 'AccessDenied' }

describe('where a bucket is and whose', () => {
  test('is told, and asked elsewhere it says where', async () => {
    expect(await owner.send(new GetBucketLocationCommand({ Bucket }))).toMatchObject({ LocationConstraint: REGION })
    expect(await owner.send(new HeadBucketCommand({ Bucket }))).toMatchObject({ BucketRegion: REGION })
    const elsewhere = s3At(fixture.aws.url, fixture.seeded.keys.owner, { region: 'us-west-2' })
    await expect(write(elsewhere)).rejects.toMatchObject({
      name: 'PermanentRedirect',
      $response: { headers: { 'x-amz-bucket-region': REGION } },
    })
    expect(await elsewhere.send(new GetBucketLocationCommand({ Bucket }))).toBeDefined()
  })

  test('whoever expects another owner is refused', async () => {
    const expecting = (ExpectedBucketOwner: string) =>
      owner.send(new PutObjectCommand({ Bucket, Key, Body: 'x', ExpectedBucketOwner }))
    await expect(expecting('444455556666')).rejects.toMatchObject(refused)
    await expect(expecting('111122223333')).resolves.toBeDefined()
  })

  test('a bucket that is not there is not found', async () => {
    await expect(owner.send(new HeadBucketCommand({ Bucket: 'nowhere' }))).rejects.toMatchObject({ name: 'NotFound' })
  })
})

test('every bucket is encrypted: with SSE-S3 until it is told otherwise', async () => {
  const rules = async () =>
    (await owner.send(new GetBucketEncryptionCommand({ Bucket }))).ServerSideEncryptionConfiguration?.Rules
  expect(await rules()).toMatchObject([{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }])
  const ApplyServerSideEncryptionByDefault = { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: 'alias/reports' } as const
  const Rules = [{ ApplyServerSideEncryptionByDefault, BucketKeyEnabled: true }]
  await owner.send(new PutBucketEncryptionCommand({ Bucket, ServerSideEncryptionConfiguration: { Rules } }))
  expect(await rules()).toEqual(Rules)
})

describe('a bucket policy', () => {
  test('is put, read and deleted', async () => {
    await expect(owner.send(new GetBucketPolicyCommand({ Bucket }))).rejects.toMatchObject({
      name: 'NoSuchBucketPolicy',
    })
    await putPolicy(denyUnless('Bool', 'aws:SecureTransport', 'false'))
    const { Policy = '' } = await owner.send(new GetBucketPolicyCommand({ Bucket }))
    expect(JSON.parse(Policy).Statement).toHaveLength(1)
    await owner.send(new DeleteBucketPolicyCommand({ Bucket }))
    await expect(owner.send(new GetBucketPolicyCommand({ Bucket }))).rejects.toBeDefined()
  })

  test.each([
    ['without a principal', { Principal: undefined }],
    ['about another bucket', { Resource: 'arn:aws:s3:::another/*' }],
    ['about another service', { Action: 'iam:*' }],
    ['for somebody who is not there', { Principal: { AWS: 'arn:aws:iam::111122223333:user/nobody' } }],
  ])('%s is refused', async (_, change) => {
    const statement = { ...denyUnless('Bool', 'aws:SecureTransport', 'false'), ...change }
    await expect(putPolicy(statement)).rejects.toMatchObject({ name: 'MalformedPolicy' })
  })

  test('that opens the bucket to everyone is blocked', async () => {
    const open = { Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: OBJECTS }
    await expect(putPolicy(open)).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining('BlockPublicPolicy'),
    })
  })

  test('that names a session lets it do what its session policy does not', async () => {
    const session = fixture.s3(await fixture.session('g-named000001'))
    const outside = () => session.send(new PutObjectCommand({ Bucket, Key: '2025/a', Body: 'x' }))
    const allowTo = (AWS: string) =>
      putPolicy({ Effect: 'Allow', Principal: { AWS }, Action: 's3:*', Resource: OBJECTS })
    await allowTo('arn:aws:iam::111122223333:role/latchkey/prod')
    await expect(outside()).rejects.toMatchObject(refused)
    await allowTo('arn:aws:sts::111122223333:assumed-role/prod/g-named000001')
    await expect(outside()).resolves.toBeDefined()
  })
})

describe('what a policy sees of the way a request came', () => {
  test('its source address', async () => {
    await putPolicy(denyUnless('NotIpAddress', 'aws:SourceIp', '127.0.0.2/32'))
    const { owner: keys } = fixture.seeded.keys
    await expect(write(s3At(fixture.aws.url, keys))).rejects.toMatchObject(refused)
    await expect(write(s3At(fixture.aws.url, keys, { localAddress: '127.0.0.2' }))).resolves.toBeDefined()
    await expect(write(s3At(await fixture.aws.urlAppearingFrom('127.0.0.2'), keys))).resolves.toBeDefined()
    await expect(write(s3At(await fixture.aws.urlAppearingFrom('127.0.0.3'), keys))).rejects.toMatchObject(refused)
  })

  test('its VPC endpoint, through which it has no source address', async () => {
    const { owner: keys } = fixture.seeded.keys
    const inside = await fixture.aws.endpointUrl({ id: 'vpce-1a2b3c4d', vpc: 'vpc-1' })
    await putPolicy(denyUnless('StringNotEquals', 'aws:SourceVpce', 'vpce-1a2b3c4d'))
    await expect(write(s3At(fixture.aws.url, keys))).rejects.toMatchObject(refused)
    await expect(write(s3At(inside, keys))).resolves.toBeDefined()
    await putPolicy(denyUnless('NotIpAddress', 'aws:SourceIp', '127.0.0.1/32'))
    await expect(write(s3At(inside, keys))).rejects.toMatchObject(refused)
  })

  test('whether it was encrypted', async () => {
    const { owner: keys } = fixture.seeded.keys
    await putPolicy(denyUnless('Bool', 'aws:SecureTransport', 'false'))
    await expect(write(s3At(fixture.aws.url, keys))).rejects.toMatchObject(refused)
    await expect(write(s3At(await fixture.aws.secureUrl(), keys))).resolves.toBeDefined()
  })

  test('tags that it sets, in a header and in a body', async () => {
    await putPolicy(denyUnless('StringNotEquals', 's3:RequestObjectTag/state', 'draft'), {
      ...denyUnless('StringNotEquals', 's3:RequestObjectTag/state', 'draft'),
      Action: 's3:PutObjectTagging',
    })
    const put = (Tagging: string) => owner.send(new PutObjectCommand({ Bucket, Key, Body: 'x', Tagging }))
    const tag = (Value: string) =>
      owner.send(new PutObjectTaggingCommand({ Bucket, Key, Tagging: { TagSet: [{ Key: 'state', Value }] } }))
    await expect(put('state=final')).rejects.toMatchObject(refused)
    await expect(put('state=draft')).resolves.toBeDefined()
    await expect(tag('final')).rejects.toMatchObject(refused)
    await expect(tag('draft')).resolves.toBeDefined()
  })

  test('tags that the object has', async () => {
    await putPolicy({
      ...denyUnless('StringEquals', 's3:ExistingObjectTag/state', 'final'),
      Action: 's3:PutObjectTagging',
    })
    const tag = (Value: string) =>
      owner.send(new PutObjectTaggingCommand({ Bucket, Key, Tagging: { TagSet: [{ Key: 'state', Value }] } }))
    await write(owner)
    await tag('final')
    await expect(tag('draft')).rejects.toMatchObject(refused)
  })
})

describe.skipIf(!hasAwsCli)('the AWS CLI (needs aws on the PATH)', () => {
  test('finds the bucket although it was told the wrong Region', async () => {
    const args = ['s3api', 'put-object', '--bucket', Bucket, '--key', Key, '--region', 'us-west-2']
    expect(await fixture.cli(args, fixture.seeded.keys.owner)).toMatchObject({ code: 0 })
  })
})
