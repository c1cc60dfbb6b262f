import { once } from 'node:events'
import { get } from 'node:http'
import { text } from 'node:stream/consumers'
import { IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam'
import {
  CopyObjectCommand,
  DeleteObjectsCommand,
  GetBucketLifecycleConfigurationCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutBucketLifecycleConfigurationCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  BUCKET,
  type Keys,
  PREFIX,
  presign,
  presignPath,
  REGION,
  type S3Fixture,
  startS3Fixture,
} from './s3-fixture.ts'

let fixture: S3Fixture
let keys: Keys
let s3: S3Client

beforeAll(async () => {
  fixture = await startS3Fixture()
  keys = await fixture.session('g-sdk000000001')
  s3 = fixture.s3(keys)
})

afterAll(() => fixture.stop())

describe('a session works inside its prefix', () => {
  test('what the SDK puts, with its default checksum, it gets back', async () => {
    const name = { Bucket: BUCKET, Key: `${PREFIX}héllo wörld+&.txt` }
    await s3.send(new PutObjectCommand({ ...name, Body: 'in scope', ContentType: 'text/plain', Metadata: { a: 'b' } }))
    const got = await s3.send(new GetObjectCommand(name))
    expect(await got.Body?.transformToString()).toBe('in scope')
    expect(got).toMatchObject({ ContentType: 'text/plain', Metadata: { a: 'b' }, ContentLength: 8 })
    expect(got.ChecksumCRC32).toBeDefined()
  })

  test('a listing pages through keys and common prefixes', async () => {
    for (const name of ['a/1', 'a/2', 'b', 'c/1']) fixture.aws.s3.put(BUCKET, `${PREFIX}list/${name}`, 'x')
    const asked = { Bucket: BUCKET, Prefix: `${PREFIX}list/`, Delimiter: '/', MaxKeys: 2 }
    const first = await s3.send(new ListObjectsV2Command(asked))
    expect(first.CommonPrefixes).toEqual([{ Prefix: `${PREFIX}list/a/` }])
    expect(first.Contents?.map(({ Key }) => Key)).toEqual([`${PREFIX}list/b`])
    expect(first.IsTruncated).toBe(true)
    const token = first.NextContinuationToken ?? ''
    const second = await s3.send(new ListObjectsV2Command({ ...asked, ContinuationToken: token }))
    expect(second.CommonPrefixes).toEqual([{ Prefix: `${PREFIX}list/c/` }])
    expect(second.IsTruncated).toBe(false)
  })
})

describe('a session is refused outside its prefix', () => {
  test('a write elsewhere, with the words of S3', async () => {
    const put = s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: '2025/x', Body: 'x' }))
    await expect(put).rejects.toMatchObject({
      name: 'AccessDenied',
      $metadata: { httpStatusCode: 403 },
      message: expect.stringContaining(
        'is not authorized to perform: s3:PutObject on resource: "arn:aws:s3:::finance-reports/2025/x"',
      ),
    })
    expect(fixture.aws.s3.keys(BUCKET)).not.toContain('2025/x')
  })

  test('a prefix that only begins alike', async () => {
    const put = s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: '2026-private', Body: 'x' }))
    await expect(put).rejects.toMatchObject({ name: 'AccessDenied' })
  })

  test('a listing of the whole bucket', async () => {
    await expect(s3.send(new ListObjectsV2Command({ Bucket: BUCKET }))).rejects.toMatchObject({ name: 'AccessDenied' })
  })

  test('a copy whose source may not be read', async () => {
    fixture.aws.s3.put(BUCKET, 'secret', 'x')
    const copy = s3.send(
      new CopyObjectCommand({ Bucket: BUCKET, Key: `${PREFIX}stolen`, CopySource: `${BUCKET}/secret` }),
    )
    await expect(copy).rejects.toMatchObject({ name: 'AccessDenied', message: expect.stringContaining('s3:GetObject') })
    expect(fixture.aws.s3.keys(BUCKET)).not.toContain(`${PREFIX}stolen`)
  })

  test('a missing key is 404 to one who may list there, and 403 to one who may not', async () => {
    const missing = s3.send(new HeadObjectCommand({ Bucket: BUCKET, Key: `${PREFIX}none` }))
    await expect(missing).rejects.toMatchObject({ $metadata: { httpStatusCode: 404 } })
    const hidden = s3.send(new HeadObjectCommand({ Bucket: BUCKET, Key: 'none' }))
    await expect(hidden).rejects.toMatchObject({ $metadata: { httpStatusCode: 403 } })
  })

  test('a batch delete is judged key by key', async () => {
    fixture.aws.s3.put(BUCKET, `${PREFIX}batch`, 'x')
    fixture.aws.s3.put(BUCKET, 'kept', 'x')
    const Objects = [{ Key: `${PREFIX}batch` }, { Key: 'kept' }]
    const answer = await s3.send(new DeleteObjectsCommand({ Bucket: BUCKET, Delete: { Objects } }))
    expect(answer.Deleted).toEqual([{ Key: `${PREFIX}batch` }])
    expect(answer.Errors).toMatchObject([{ Key: 'kept', Code: 'AccessDenied' }])
    expect(fixture.aws.s3.keys(BUCKET)).toContain('kept')
  })

  test('an explicit deny of the bucket policy beats what the session allows', async () => {
    const bucket = fixture.aws.state.buckets.get(BUCKET)
    if (bucket === undefined) throw new Error('the bucket was seeded')
    bucket.policy = JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Deny',
          Principal: '*',
          Action: 's3:PutObject',
          Resource: `arn:aws:s3:::${BUCKET}/${PREFIX}frozen/*`,
        },
      ],
    })
    const put = s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: `${PREFIX}frozen/x`, Body: 'x' }))
    await expect(put).rejects.toMatchObject({ name: 'AccessDenied', message: expect.stringContaining('explicit deny') })
  })
})

describe('a bucket-level call that the sandbox does not carry out', () => {
  test('is refused before that when the caller may not make it', async () => {
    const put = s3.send(
      new PutBucketLifecycleConfigurationCommand({ Bucket: BUCKET, LifecycleConfiguration: { Rules: [] } }),
    )
    await expect(put).rejects.toMatchObject({ name: 'AccessDenied' })
  })

  test('is not implemented, and says so, when the caller may', async () => {
    const owner = fixture.s3(fixture.seeded.keys.owner)
    const get = owner.send(new GetBucketLifecycleConfigurationCommand({ Bucket: BUCKET }))
    await expect(get).rejects.toMatchObject({ name: 'NotImplemented' })
  })
})

describe('the end', () => {
  test('the same call is refused once the clock has passed the end inside the session policy', async () => {
    const own = await startS3Fixture()
    const ending = own.s3(await own.session('g-ending000001', 300_000))
    const call = { Bucket: BUCKET, Key: `${PREFIX}x`, Body: 'x' }
    await ending.send(new PutObjectCommand(call))
    own.aws.clock.advance(301_000)
    await expect(ending.send(new PutObjectCommand(call))).rejects.toMatchObject({
      name: 'AccessDenied',
      message: expect.stringContaining('no session policy allows'),
    })
    own.aws.clock.advance(900_000)
    await expect(ending.send(new PutObjectCommand(call))).rejects.toMatchObject({ name: 'ExpiredToken' })
    await own.stop()
  })

  test('a Deny on one aws:userid ends that session and leaves the others of the role whole', async () => {
    const [one, other] = await Promise.all([fixture.session('g-denied000001'), fixture.session('g-whole0000001')])
    const role = fixture.seeded.roles[0]
    const iam = new IAMClient({
      endpoint: fixture.aws.url,
      region: 'us-east-1',
      credentials: fixture.seeded.keys.workers,
    })
    const Condition = { StringEquals: { 'aws:userid': [`${role?.roleId}:g-denied000001`] } }
    await iam.send(
      new PutRolePolicyCommand({
        RoleName: role?.roleName,
        PolicyName: 'latchkey.deny',
        PolicyDocument: JSON.stringify({
          Version: '2012-10-17',
          Statement: [{ Effect: 'Deny', Action: '*', Resource: '*', Condition }],
        }),
      }),
    )
    iam.destroy()
    const call = { Bucket: BUCKET, Key: `${PREFIX}after-deny`, Body: 'x' }
    await expect(fixture.s3(one).send(new PutObjectCommand(call))).rejects.toMatchObject({
      name: 'AccessDenied',
      message: expect.stringContaining('explicit deny in an identity-based policy'),
    })
    await fixture.s3(other).send(new PutObjectCommand(call))
  })
})

describe('a presigned URL', () => {
  test('writes and reads what its signer may, and no more', async () => {
    expect(
      (await fetch(presign(fixture, keys, 'PUT', `${PREFIX}linked`), { method: 'PUT', body: 'linked' })).status,
    ).toBe(200)
    expect(await (await fetch(presign(fixture, keys, 'GET', `${PREFIX}linked`))).text()).toBe('linked')
    const outside = await fetch(presign(fixture, keys, 'PUT', 'outside'), { method: 'PUT', body: 'x' })
    expect([outside.status, await outside.text()]).toEqual([403, expect.stringContaining('<Code>AccessDenied</Code>')])
  })

  test('may name its bucket in the host', async () => {
    const host = `${BUCKET}.s3.${REGION}.amazonaws.com`
    const path = presignPath(keys, 'GET', host, `/${PREFIX}linked`)
    const { hostname, port } = new URL(fixture.aws.url)
    const [answer] = await once(get({ hostname, port, path, headers: { host } }), 'response')
    expect(await text(answer)).toBe('linked')
  })

  test('is refused for another key than was signed', async () => {
    const url = presign(fixture, keys, 'GET', `${PREFIX}linked`).replace('linked', 'list/b')
    const answer = await fetch(url)
    expect(answer.status).toBe(403)
    expect(await answer.text()).toContain('<Code>SignatureDoesNotMatch</Code>')
  })
})

test('a request without a signature is refused and leaves no record', async () => {
  const before = fixture.aws.events.records().length
  const answer = await fetch(`${fixture.aws.url}/${BUCKET}/${PREFIX}x`)
  expect([answer.status, await answer.text()]).toEqual([403, expect.stringContaining('<Code>AccessDenied</Code>')])
  const forged = fixture.s3({ ...keys, secretAccessKey: 'wrong' })
  const get = forged.send(new GetObjectCommand({ Bucket: BUCKET, Key: `${PREFIX}x` }))
  await expect(get).rejects.toMatchObject({ name: 'SignatureDoesNotMatch' })
  expect(fixture.aws.events.records()).toHaveLength(before)
})
