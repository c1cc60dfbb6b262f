import { CreateAccessKeyCommand, CreateUserCommand, IAMClient, PutUserPolicyCommand } from '@aws-sdk/client-iam'
import {
  CancelKeyDeletionCommand,
  CreateAliasCommand,
  CreateKeyCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  GetKeyPolicyCommand,
  KMSClient,
  PutKeyPolicyCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms'
import {
  CopyObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutBucketEncryptionCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { hasAwsCli } from '../../test/fixtures/aws-cli-batch.ts'
import { BUCKET, type Keys, REGION, type S3Fixture, startS3Fixture, writeBytes } from './s3-fixture.ts'

/** KMS keys of the sandbox and S3's use of them (KMS Developer Guide, "Key policies"; S3 User Guide, "Using SSE-KMS"). */

const Bucket = BUCKET
const Key = 'a.csv'

let fixture: S3Fixture
let kms: KMSClient
let keyArn: string
const clients: { destroy(): void }[] = []

beforeEach(async () => {
  fixture = await startS3Fixture()
  kms = kmsAs(fixture.seeded.keys.owner)
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({ Description: 'reports' }))
  keyArn = KeyMetadata?.Arn ?? ''
})

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy()
  await fixture.stop()
})

function kmsAs(credentials: Keys): KMSClient {
  const client = new KMSClient({ endpoint: fixture.aws.url, region: REGION, credentials, maxAttempts: 1 })
  clients.push(client)
  return client
}

const document = (...statements: object[]) => JSON.stringify({ Version: '2012-10-17', Statement: statements })
const S3_ALL = { Effect: 'Allow', Action: 's3:*', Resource: '*' }
const USE = ['kms:GenerateDataKey', 'kms:Decrypt']

/** Makes a user who may do everything in S3, and with keys only what these statements allow. */
async function person(...more: object[]): Promise<Keys> {
  const iam = new IAMClient({ endpoint: fixture.aws.url, region: 'us-east-1', credentials: fixture.seeded.keys.owner })
  clients.push(iam)
  const UserName = 'person'
  await iam.send(new CreateUserCommand({ UserName }))
  const PolicyDocument = document(S3_ALL, ...more)
  await iam.send(new PutUserPolicyCommand({ UserName, PolicyName: 'rights', PolicyDocument }))
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName }))
  return { accessKeyId: AccessKey?.AccessKeyId ?? '', secretAccessKey: AccessKey?.SecretAccessKey ?? '' }
}

const put = (s3: S3Client, SSEKMSKeyId: string | undefined = keyArn) =>
  s3.send(new PutObjectCommand({ Bucket, Key, Body: 'x', ServerSideEncryption: 'aws:kms', SSEKMSKeyId }))
const get = (s3: S3Client) => s3.send(new GetObjectCommand({ Bucket, Key }))
const lacks = (action: string) => ({
  name: 'AccessDenied',
  message: expect.stringMatching(new RegExp(`perform: ${action} on resource: arn:aws:kms:.* because no`)),
})

describe('a key', () => {
  test('is described, disabled, enabled, sent to its deletion and brought back', async () => {
    const state = async () => (await kms.send(new DescribeKeyCommand({ KeyId: keyArn }))).KeyMetadata?.KeyState
    const KeyId = keyArn
    expect(await state()).toBe('Enabled')
    await kms.send(new DisableKeyCommand({ KeyId }))
    expect(await state()).toBe('Disabled')
    await kms.send(new EnableKeyCommand({ KeyId }))
    await kms.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }))
    expect(await state()).toBe('PendingDeletion')
    await expect(kms.send(new EnableKeyCommand({ KeyId }))).rejects.toMatchObject({ name: 'KMSInvalidStateException' })
    await kms.send(new CancelKeyDeletionCommand({ KeyId }))
    expect(await state()).toBe('Disabled')
  })

  test('is found by its alias, and what is not there is not found', async () => {
    await kms.send(new CreateAliasCommand({ AliasName: 'alias/reports', TargetKeyId: keyArn }))
    const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId: 'alias/reports' }))
    expect(KeyMetadata?.Arn).toBe(keyArn)
    await expect(kms.send(new DescribeKeyCommand({ KeyId: 'alias/none' }))).rejects.toMatchObject({
      name: 'NotFoundException',
    })
  })

  test('shows itself to nobody without the right to see it', async () => {
    const stranger = kmsAs(fixture.seeded.keys.everyday)
    await expect(stranger.send(new DescribeKeyCommand({ KeyId: keyArn }))).rejects.toMatchObject({
      name: 'AccessDeniedException',
    })
  })
})

describe('an object with a key of its own', () => {
  test('is written and read by one whose policies allow the key, and says with which', async () => {
    const s3 = fixture.s3(await person({ Effect: 'Allow', Action: USE, Resource: keyArn }))
    expect(await put(s3)).toMatchObject({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: keyArn })
    expect(await get(s3)).toMatchObject({ SSEKMSKeyId: keyArn })
  })

  test('needs kms:GenerateDataKey to be written and kms:Decrypt to be read or copied; a look at its head needs neither', async () => {
    await put(fixture.s3(fixture.seeded.keys.owner))
    const s3 = fixture.s3(await person())
    await expect(put(s3)).rejects.toMatchObject(lacks('kms:GenerateDataKey'))
    await expect(get(s3)).rejects.toMatchObject(lacks('kms:Decrypt'))
    const copy = new CopyObjectCommand({ Bucket, Key: 'b.csv', CopySource: `${Bucket}/${Key}` })
    await expect(s3.send(copy)).rejects.toMatchObject(lacks('kms:Decrypt'))
    await expect(s3.send(new HeadObjectCommand({ Bucket, Key }))).resolves.toBeDefined()
  })

  test('is used through S3 of its Region, for that object', async () => {
    const through = {
      'kms:ViaService': `s3.${REGION}.amazonaws.com`,
      'kms:EncryptionContext:aws:s3:arn': `arn:aws:s3:::${BUCKET}/${Key}`,
    }
    const right = { Effect: 'Allow', Action: USE, Resource: keyArn, Condition: { StringEquals: through } }
    const s3 = fixture.s3(await person(right))
    await expect(put(s3)).resolves.toBeDefined()
    const other = new PutObjectCommand({
      Bucket,
      Key: 'b',
      Body: 'x',
      ServerSideEncryption: 'aws:kms',
      SSEKMSKeyId: keyArn,
    })
    await expect(s3.send(other)).rejects.toMatchObject(lacks('kms:GenerateDataKey'))
  })

  test('is closed to everyone whom the key policy neither names nor leaves to IAM', async () => {
    const root = { AWS: 'arn:aws:iam::111122223333:root' }
    const { Policy = '' } = await kms.send(new GetKeyPolicyCommand({ KeyId: keyArn }))
    expect(JSON.parse(Policy).Statement).toMatchObject([{ Principal: root, Action: 'kms:*' }])
    const allowed = await person({ Effect: 'Allow', Action: USE, Resource: keyArn })
    const named = (AWS: string, Action: string[]) => ({ Effect: 'Allow', Principal: { AWS }, Action, Resource: '*' })
    const onlyOwner = document(named('arn:aws:iam::111122223333:user/owner', ['kms:*']))
    await kms.send(new PutKeyPolicyCommand({ KeyId: keyArn, Policy: onlyOwner }))
    await expect(put(fixture.s3(allowed))).rejects.toMatchObject(lacks('kms:GenerateDataKey'))
    await expect(put(fixture.s3(fixture.seeded.keys.owner))).resolves.toBeDefined()
  })

  test('is opened by a key policy that names the caller, who needs no policy of their own then', async () => {
    const keys = await person()
    const AWS = 'arn:aws:iam::111122223333:user/person'
    const root = { Effect: 'Allow', Principal: { AWS: '111122223333' }, Action: 'kms:*', Resource: '*' }
    const Policy = document(root, { ...root, Principal: { AWS }, Action: USE })
    await kms.send(new PutKeyPolicyCommand({ KeyId: keyArn, Policy }))
    await expect(put(fixture.s3(keys))).resolves.toBeDefined()
    await expect(get(fixture.s3(keys))).resolves.toBeDefined()
  })

  test('is neither written nor read while its key is disabled', async () => {
    const s3 = fixture.s3(fixture.seeded.keys.owner)
    await put(s3)
    await kms.send(new DisableKeyCommand({ KeyId: keyArn }))
    await expect(put(s3)).rejects.toMatchObject({ name: 'KMS.DisabledException' })
    await expect(get(s3)).rejects.toMatchObject({ name: 'KMS.DisabledException' })
  })

  test('of which there is none is refused', async () => {
    await expect(put(fixture.s3(fixture.seeded.keys.owner), 'alias/none')).rejects.toMatchObject({
      name: 'KMS.NotFoundException',
    })
  })
})

describe("a bucket's default key", () => {
  const encrypt = (KMSMasterKeyID: string | undefined, BucketKeyEnabled = false) => {
    const Rules = [
      { ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms' as const, KMSMasterKeyID }, BucketKeyEnabled },
    ]
    const asked = new PutBucketEncryptionCommand({ Bucket, ServerSideEncryptionConfiguration: { Rules } })
    return fixture.s3(fixture.seeded.keys.owner).send(asked)
  }
  const plain = (s3: S3Client) => s3.send(new PutObjectCommand({ Bucket, Key, Body: 'x' }))

  test('counts where the request names none', async () => {
    await encrypt(keyArn)
    const s3 = fixture.s3(await person())
    await expect(plain(s3)).rejects.toMatchObject(lacks('kms:GenerateDataKey'))
    const asked = new PutObjectCommand({ Bucket, Key, Body: 'x', ServerSideEncryption: 'AES256' })
    await expect(s3.send(asked)).resolves.toBeDefined()
  })

  test('as a bucket key is used for the bucket, not for the object', async () => {
    await encrypt(keyArn, true)
    const of = (arn: string) => ({ StringEquals: { 'kms:EncryptionContext:aws:s3:arn': arn } })
    const right = { Effect: 'Allow', Action: USE, Resource: keyArn, Condition: of(`arn:aws:s3:::${BUCKET}`) }
    await expect(plain(fixture.s3(await person(right)))).resolves.toMatchObject({ BucketKeyEnabled: true })
  })

  test("that is AWS's own is open to everyone in the account who may write", async () => {
    await encrypt(undefined)
    const s3 = fixture.s3(await person())
    await expect(plain(s3)).resolves.toMatchObject({ ServerSideEncryption: 'aws:kms' })
    await expect(get(s3)).resolves.toBeDefined()
  })
})

describe.skipIf(!hasAwsCli)('the AWS CLI (needs aws on the PATH)', () => {
  test('uploads in parts with kms:GenerateDataKey and kms:Decrypt, and not with one alone', async () => {
    await writeBytes(fixture, 'big', 9 * 1024 * 1024)
    const cp = ['s3', 'cp', 'big', `s3://${BUCKET}/big`, '--sse', 'aws:kms', '--sse-kms-key-id', keyArn]
    const half = await person({ Effect: 'Allow', Action: 'kms:GenerateDataKey', Resource: keyArn })
    const refused = await fixture.cli(cp, half)
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain('kms:Decrypt')
    expect(await fixture.cli(cp, fixture.seeded.keys.owner)).toMatchObject({ code: 0, stderr: '' })
  })

  test('describes a key', async () => {
    const asked = ['kms', 'describe-key', '--key-id', keyArn, '--output', 'json']
    const { stdout } = await fixture.cli(asked, fixture.seeded.keys.owner)
    expect(JSON.parse(stdout).KeyMetadata).toMatchObject({ Arn: keyArn, KeyState: 'Enabled', KeyManager: 'CUSTOMER' })
  })
})
