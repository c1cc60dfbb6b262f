import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasAwsCli } from '../../test/fixtures/aws-cli-batch.ts'
import {
  BUCKET,
  type Ended,
  isPresent,
  type Keys,
  PREFIX,
  type S3Fixture,
  startS3Fixture,
  writeBytes,
} from './s3-fixture.ts'

/** The sandbox's S3, tested with clients that others wrote: the AWS CLI and boto3. */

const botoPresent = isPresent('python3', ['-c', 'import boto3'])
const HOME = `s3://${BUCKET}/${PREFIX}`
const TWENTY_MB = 20 * 1024 * 1024

let fixture: S3Fixture
let keys: Keys

beforeAll(async () => {
  fixture = await startS3Fixture()
  keys = await fixture.session('g-client000001')
})

afterAll(() => fixture.stop())

async function cli(args: string): Promise<Ended> {
  return fixture.cli(args.split(' '), keys)
}

async function works(args: string): Promise<string> {
  const ended = await cli(args)
  expect(ended, args).toMatchObject({ code: 0, stderr: '' })
  return ended.stdout
}

describe.skipIf(!hasAwsCli)('the AWS CLI (needs aws on the PATH)', () => {
  test('cp goes up and down inside the prefix, ls shows it', async () => {
    await writeFile(join(fixture.folder, 'small.txt'), 'small')
    await works(`s3 cp small.txt ${HOME}small.txt`)
    expect(await works(`s3 ls ${HOME}`)).toContain('small.txt')
    await works(`s3 cp ${HOME}small.txt back.txt`)
    expect(await readFile(join(fixture.folder, 'back.txt'), 'utf8')).toBe('small')
  })

  test('cp is refused outside the prefix', async () => {
    const ended = await cli(`s3 cp small.txt s3://${BUCKET}/2025/small.txt`)
    expect(ended.code).toBe(1)
    expect(ended.stderr).toContain(
      'An error occurred (AccessDenied) when calling the PutObject operation: User: arn:aws:sts',
    )
    expect((await cli(`s3 ls s3://${BUCKET}/2025/`)).stderr).toContain('(AccessDenied)')
  })

  test('20 MB go up in parts, come down the same, and are copied in parts', async () => {
    const content = await writeBytes(fixture, 'large.bin', TWENTY_MB)
    await works(`s3 cp large.bin ${HOME}large.bin`)
    expect(fixture.aws.s3.read(BUCKET, `${PREFIX}large.bin`)?.equals(content)).toBe(true)
    await works(`s3 cp ${HOME}large.bin large.back`)
    expect((await readFile(join(fixture.folder, 'large.back'))).equals(content)).toBe(true)
    await works(`s3 cp ${HOME}large.bin ${HOME}copy.bin`)
    expect(fixture.aws.s3.read(BUCKET, `${PREFIX}copy.bin`)?.equals(content)).toBe(true)
    const actions = new Set(fixture.aws.journal.entries().map(({ action }) => action))
    for (const action of ['CreateMultipartUpload', 'UploadPart', 'UploadPartCopy', 'CompleteMultipartUpload']) {
      expect(actions).toContain(action)
    }
  })

  test('mv, sync, sync --delete and rm --recursive', async () => {
    await works(`s3 cp small.txt ${HOME}moving.txt`)
    await works(`s3 mv ${HOME}moving.txt ${HOME}moved.txt`)
    const tree = join(fixture.folder, 'tree', 'deep')
    await mkdir(tree, { recursive: true })
    await writeFile(join(tree, 'one.txt'), '1')
    await writeFile(join(tree, 'two words.txt'), '2')
    await works(`s3 sync tree ${HOME}tree`)
    expect(fixture.aws.s3.keys(BUCKET)).toEqual(
      expect.arrayContaining([`${PREFIX}moved.txt`, `${PREFIX}tree/deep/one.txt`, `${PREFIX}tree/deep/two words.txt`]),
    )
    expect(await works(`s3 sync tree ${HOME}tree`)).toBe('')
    await mkdir(join(fixture.folder, 'empty'))
    await works(`s3 sync empty ${HOME}tree --delete`)
    await works(`s3 cp small.txt ${HOME}gone/a`)
    await works(`s3 rm ${HOME}gone --recursive`)
    const left = fixture.aws.s3.keys(BUCKET).filter((key) => /\/(tree|gone|moving)/.test(key))
    expect(left).toEqual([])
  })

  test('delete-objects and tags', async () => {
    await works(`s3 cp small.txt ${HOME}tagged.txt`)
    const at = `--bucket ${BUCKET} --key ${PREFIX}tagged.txt`
    await works(`s3api put-object-tagging ${at} --tagging TagSet=[{Key=class,Value=a&b}]`)
    const { TagSet } = JSON.parse(await works(`s3api get-object-tagging ${at}`))
    expect(TagSet).toEqual([{ Key: 'class', Value: 'a&b' }])
    const answer = await works(
      `s3api delete-objects --bucket ${BUCKET} --delete Objects=[{Key=${PREFIX}tagged.txt},{Key=x}]`,
    )
    expect(JSON.parse(answer)).toMatchObject({
      Deleted: [{ Key: `${PREFIX}tagged.txt` }],
      Errors: [{ Key: 'x', Code: 'AccessDenied' }],
    })
  })

  test('presign makes a link that works, once it signs as S3 demands today', async () => {
    const old = (await works(`s3 presign ${HOME}small.txt`)).trim()
    expect(await (await fetch(old)).text()).toContain('Please use AWS4-HMAC-SHA256')
    await works('configure set default.s3.signature_version s3v4')
    const url = (await works(`s3 presign ${HOME}small.txt`)).trim()
    expect(await (await fetch(url)).text()).toBe('small')
  })

  test('the same command is refused after the end, though this machine’s clock has not moved', async () => {
    const own = await startS3Fixture()
    await writeBytes(own, 'small.txt', 5)
    const ending = await own.session('g-clientend001', 600_000)
    const copy = () => own.cli(['s3', 'cp', 'small.txt', `${HOME}ending.txt`], ending)
    expect((await copy()).code).toBe(0)
    own.aws.clock.advance(601_000)
    expect((await copy()).stderr).toContain('(AccessDenied)')
    own.aws.clock.advance(3_600_000)
    expect((await copy()).stderr).toContain('(ExpiredToken)')
    await own.stop()
  })
})

const BOTO = `
import boto3, io, json, sys
from botocore.config import Config
from botocore.exceptions import ClientError
bucket, prefix = sys.argv[1:]
s3 = boto3.client('s3', config=Config(signature_version='s3v4'))
seen = {}
s3.put_object(Bucket=bucket, Key=prefix + 'boto/a', Body=b'a', Tagging='k=v')
s3.upload_fileobj(io.BytesIO(b'x' * (9 * 1024 * 1024)), bucket, prefix + 'boto/large')
seen['keys'] = [one['Key'] for page in s3.get_paginator('list_objects_v2').paginate(Bucket=bucket, Prefix=prefix + 'boto/', PaginationConfig={'PageSize': 1}) for one in page['Contents']]
seen['size'] = len(s3.get_object(Bucket=bucket, Key=prefix + 'boto/large')['Body'].read())
s3.copy({'Bucket': bucket, 'Key': prefix + 'boto/a'}, bucket, prefix + 'boto/b')
seen['tags'] = s3.get_object_tagging(Bucket=bucket, Key=prefix + 'boto/b')['TagSet']
seen['link'] = s3.generate_presigned_url('get_object', Params={'Bucket': bucket, 'Key': prefix + 'boto/a'})
def refused(call, **arguments):
    try:
        call(**arguments)
        return None
    except ClientError as error:
        return error.response['Error']['Code']
seen['outside'] = refused(s3.put_object, Bucket=bucket, Key='boto', Body=b'a')
seen['missing'] = refused(s3.get_object, Bucket=bucket, Key=prefix + 'none')
seen['again'] = refused(s3.put_object, Bucket=bucket, Key=prefix + 'boto/a', Body=b'a', IfNoneMatch='*')
print(json.dumps(seen))
`

describe.skipIf(!botoPresent)('boto3 (needs python3 with boto3)', () => {
  test('puts, uploads in parts, pages, copies with tags, links, and is refused', async () => {
    const ended = await fixture.run('python3', ['-c', BOTO, BUCKET, PREFIX], keys)
    expect(ended).toMatchObject({ code: 0, stderr: '' })
    const seen = JSON.parse(ended.stdout)
    expect(seen).toMatchObject({
      keys: [`${PREFIX}boto/a`, `${PREFIX}boto/large`],
      size: 9 * 1024 * 1024,
      tags: [{ Key: 'k', Value: 'v' }],
      outside: 'AccessDenied',
      missing: 'NoSuchKey',
      again: 'PreconditionFailed',
    })
    expect(await (await fetch(seen.link)).text()).toBe('a')
  })
})
