import {
  CopyObjectCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { hasAwsCli } from '../../test/fixtures/aws-cli-batch.ts'
import { BUCKET, PREFIX, type S3Fixture, startS3Fixture } from './s3-fixture.ts'

/** Versions of the sandbox's objects (S3 User Guide, "Retaining multiple versions of objects with S3 Versioning"), tested with AWS's clients. */

const Bucket = BUCKET
const Key = `${PREFIX}a.csv`

let fixture: S3Fixture
let s3: S3Client

beforeEach(async () => {
  fixture = await startS3Fixture()
  s3 = fixture.s3(fixture.seeded.keys.owner)
})

afterEach(() => fixture.stop())

async function versioning(Status: 'Enabled' | 'Suspended'): Promise<void> {
  await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status } }))
}

async function put(Body: string): Promise<string | undefined> {
  return (await s3.send(new PutObjectCommand({ Bucket, Key, Body }))).VersionId
}

async function read(VersionId?: string): Promise<string | undefined> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key, VersionId }))
  return Body?.transformToString()
}

const drop = (VersionId?: string) => s3.send(new DeleteObjectCommand({ Bucket, Key, VersionId }))
const all = () => s3.send(new ListObjectVersionsCommand({ Bucket, Prefix: PREFIX }))

test('a bucket is not versioned until it is told to be', async () => {
  expect((await s3.send(new GetBucketVersioningCommand({ Bucket }))).Status).toBeUndefined()
  expect(await put('one')).toBeUndefined()
  expect(await drop()).not.toMatchObject({ DeleteMarker: true })
  expect((await all()).Versions).toBeUndefined()
  await versioning('Enabled')
  expect((await s3.send(new GetBucketVersioningCommand({ Bucket }))).Status).toBe('Enabled')
})

describe('a versioned bucket', () => {
  test('keeps what was overwritten and what was deleted', async () => {
    const before = await put('before versioning')
    await versioning('Enabled')
    const [one, two] = [await put('one'), await put('two')]
    expect(before).toBeUndefined()
    expect(await read()).toBe('two')
    expect(await read(one)).toBe('one')
    expect(await read('null')).toBe('before versioning')
    const marker = await drop()
    expect(marker.DeleteMarker).toBe(true)
    await expect(read()).rejects.toMatchObject({ name: 'NoSuchKey' })
    expect((await s3.send(new ListObjectsV2Command({ Bucket }))).KeyCount).toBe(0)
    const { Versions = [], DeleteMarkers = [] } = await all()
    expect(Versions.map(({ VersionId, IsLatest }) => [VersionId, IsLatest])).toEqual([
      [two, false],
      [one, false],
      ['null', false],
    ])
    expect(DeleteMarkers).toMatchObject([{ Key, VersionId: marker.VersionId, IsLatest: true }])
  })

  test('gives back what was deleted once its marker is deleted', async () => {
    await versioning('Enabled')
    await put('one')
    const { VersionId } = await drop()
    await expect(read(VersionId)).rejects.toMatchObject({ $metadata: { httpStatusCode: 405 } })
    expect(await drop(VersionId)).toMatchObject({ DeleteMarker: true, VersionId })
    expect(await read()).toBe('one')
  })

  test('loses one version for good when it is named', async () => {
    await versioning('Enabled')
    const [one, two] = [await put('one'), await put('two')]
    await drop(two)
    expect(await read()).toBe('one')
    await expect(read(two)).rejects.toMatchObject({ name: 'NoSuchVersion' })
    await expect(read('no-such-id')).rejects.toMatchObject({ name: 'InvalidArgument' })
    const Objects = [{ Key, VersionId: one }, { Key: `${PREFIX}never` }]
    const { Deleted = [] } = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }))
    expect(Deleted).toMatchObject([
      { Key, VersionId: one },
      { Key: `${PREFIX}never`, DeleteMarker: true },
    ])
  })

  test('that is suspended overwrites its version null and keeps the others', async () => {
    await versioning('Enabled')
    const one = await put('one')
    await versioning('Suspended')
    expect(await put('two')).toBe('null')
    expect(await put('three')).toBe('null')
    expect(fixture.aws.s3.versions(Bucket, Key).map(({ versionId }) => versionId)).toEqual(['null', one])
    expect(await drop()).toMatchObject({ DeleteMarker: true, VersionId: 'null' })
    expect(await read(one)).toBe('one')
  })

  test('has tags for each version, and copies the one that is named', async () => {
    await versioning('Enabled')
    const [one] = [await put('one'), await put('two')]
    const TagSet = [{ Key: 'state', Value: 'draft' }]
    await s3.send(new PutObjectTaggingCommand({ Bucket, Key, VersionId: one, Tagging: { TagSet } }))
    expect((await s3.send(new GetObjectTaggingCommand({ Bucket, Key }))).TagSet).toEqual([])
    const CopySource = `${Bucket}/${Key}?versionId=${one}`
    await s3.send(new CopyObjectCommand({ Bucket, Key, CopySource }))
    expect(await read()).toBe('one')
    expect((await s3.send(new GetObjectTaggingCommand({ Bucket, Key }))).TagSet).toEqual(TagSet)
    expect(fixture.aws.s3.versions(Bucket, Key)).toHaveLength(3)
  })

  test('lists its versions page by page', async () => {
    await versioning('Enabled')
    for (const body of ['one', 'two', 'three']) await put(body)
    const seen: (string | undefined)[] = []
    let at: { KeyMarker?: string | undefined; VersionIdMarker?: string | undefined } = {}
    for (let truncated = true; truncated; ) {
      const page = await s3.send(new ListObjectVersionsCommand({ Bucket, MaxKeys: 2, ...at }))
      seen.push(...(page.Versions ?? []).map(({ VersionId }) => VersionId))
      truncated = page.IsTruncated === true
      at = { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker }
    }
    expect(seen).toEqual(fixture.aws.s3.versions(Bucket, Key).map(({ versionId }) => versionId))
    expect(seen).toHaveLength(3)
  })
})

test('rights on versions are rights of their own', async () => {
  await versioning('Enabled')
  const one = await put('one')
  const session = fixture.s3(await fixture.session('g-versions0001'))
  await expect(session.send(new GetObjectCommand({ Bucket, Key }))).resolves.toBeDefined()
  const asks = [
    ['s3:GetObjectVersion', () => session.send(new GetObjectCommand({ Bucket, Key, VersionId: one }))],
    ['s3:DeleteObjectVersion', () => session.send(new DeleteObjectCommand({ Bucket, Key, VersionId: one }))],
    ['s3:ListBucketVersions', () => session.send(new ListObjectVersionsCommand({ Bucket, Prefix: PREFIX }))],
  ] as const
  for (const [action, ask] of asks) {
    await expect(ask(), action).rejects.toMatchObject({ message: expect.stringContaining(`perform: ${action} `) })
  }
})

describe.skipIf(!hasAwsCli)('the AWS CLI (needs aws on the PATH)', () => {
  test('lists versions, takes them away for good, and is told of markers', async () => {
    await versioning('Enabled')
    const one = await put('one')
    await put('two')
    const { owner } = fixture.seeded.keys
    const cli = async (...args: string[]) => {
      const ended = await fixture.cli(['s3api', ...args, '--bucket', Bucket, '--output', 'json'], owner)
      expect(ended, args.join(' ')).toMatchObject({ code: 0, stderr: '' })
      return ended.stdout === '' ? {} : JSON.parse(ended.stdout)
    }
    expect((await cli('list-object-versions', '--prefix', PREFIX)).Versions).toHaveLength(2)
    const objects = JSON.stringify({ Objects: [{ Key, VersionId: one }] })
    expect(await cli('delete-objects', '--delete', objects)).toEqual({ Deleted: [{ Key, VersionId: one }] })
    expect(await cli('delete-object', '--key', Key)).toMatchObject({ DeleteMarker: true })
    expect((await cli('list-object-versions', '--prefix', PREFIX)).DeleteMarkers).toHaveLength(1)
  })
})
