import type { Outcome } from '../call.ts'
import { AwsError } from '../call.ts'
import type { StoredObject } from './version-list.ts'
import { bucketOf, type Visit } from './visit.ts'
import { type Element, xmlReply } from './xml.ts'

interface Page {
  readonly objects: readonly StoredObject[]
  readonly prefixes: readonly string[]
  /** The last key or common prefix of a page; undefined on the last page. */
  readonly nextAfter: string | undefined
}

function byteOrder(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

/** Objects and common prefixes both count towards `limit`. Keys under a prefix that was already returned are skipped. */
function page(
  all: readonly StoredObject[],
  prefix: string,
  delimiter: string,
  after: string | undefined,
  limit: number,
): Page {
  const objects: StoredObject[] = []
  const prefixes: string[] = []
  let last: string | undefined
  for (const object of all) {
    const cut = delimiter === '' ? -1 : object.key.indexOf(delimiter, prefix.length)
    const name = cut === -1 ? object.key : object.key.slice(0, cut + delimiter.length)
    const given = cut !== -1 && prefixes.at(-1) === name
    if (given || (after !== undefined && byteOrder(name, after) <= 0)) continue
    if (objects.length + prefixes.length >= limit) return { objects, prefixes, nextAfter: last }
    last = name
    if (cut === -1) objects.push(object)
    else prefixes.push(name)
  }
  return { objects, prefixes, nextAfter: undefined }
}

export function listObjectsV2(visit: Visit): Outcome {
  const { query } = visit.address
  const token = query.get('continuation-token')
  const after = token === undefined ? query.get('start-after') : decodeToken(token)
  const { found, shared } = list(visit, after)
  const { nextAfter } = found
  return {
    reply: xmlReply('ListBucketResult', {
      ...shared,
      KeyCount: found.objects.length + found.prefixes.length,
      ContinuationToken: token,
      StartAfter: query.get('start-after'),
      NextContinuationToken: nextAfter === undefined ? undefined : Buffer.from(nextAfter).toString('base64url'),
    }),
  }
}

export function listObjects(visit: Visit): Outcome {
  const marker = visit.address.query.get('marker') ?? ''
  const { found, shared } = list(visit, marker === '' ? undefined : marker)
  return { reply: xmlReply('ListBucketResult', { ...shared, Marker: marker, NextMarker: found.nextAfter }) }
}

function list(visit: Visit, after: string | undefined): { found: Page; shared: Record<string, Element | Element[]> } {
  const { query, bucket = '' } = visit.address
  bucketOf(visit, bucket)
  const prefix = query.get('prefix') ?? ''
  const delimiter = query.get('delimiter') ?? ''
  const limit = maxKeys(query.get('max-keys'))
  const encode = query.get('encoding-type') === 'url' ? encodeKey : (key: string) => key
  const found = page(visit.store.list(bucket, prefix), prefix, delimiter, after, limit)
  const shared = {
    Name: bucket,
    Prefix: encode(prefix),
    ...(delimiter === '' ? {} : { Delimiter: encode(delimiter) }),
    MaxKeys: limit,
    ...(query.get('encoding-type') === 'url' ? { EncodingType: 'url' } : {}),
    IsTruncated: found.nextAfter !== undefined,
    Contents: found.objects.map((object) => contents(object, encode)),
    CommonPrefixes: found.prefixes.map((one) => ({ Prefix: encode(one) })),
  }
  return { found, shared }
}

function contents(object: StoredObject, encode: (key: string) => string): Element {
  return {
    Key: encode(object.key),
    LastModified: new Date(object.modifiedAt).toISOString(),
    ETag: object.etag,
    Size: object.body.length,
    StorageClass: object.headers['x-amz-storage-class'] ?? 'STANDARD',
  }
}

function encodeKey(key: string): string {
  return encodeURIComponent(key).replaceAll('%2F', '/').replaceAll('%20', '+')
}

export function maxKeys(text: string | undefined): number {
  if (text === undefined) return 1000
  if (!/^\d+$/.test(text))
    throw new AwsError('InvalidArgument', 400, 'Provided max-keys not an integer or within integer range')
  return Math.min(Number(text), 1000)
}

function decodeToken(token: string): string {
  return Buffer.from(token, 'base64url').toString()
}

export function listMultipartUploads(visit: Visit): Outcome {
  const { query, bucket = '' } = visit.address
  bucketOf(visit, bucket)
  const prefix = query.get('prefix') ?? ''
  const uploads = visit.store.uploads(bucket).filter(({ key }) => key.startsWith(prefix))
  return {
    reply: xmlReply('ListMultipartUploadsResult', {
      Bucket: bucket,
      MaxUploads: 1000,
      IsTruncated: false,
      Upload: uploads.map((upload) => ({
        Key: upload.key,
        UploadId: upload.id,
        Initiated: new Date(upload.startedAt).toISOString(),
        StorageClass: 'STANDARD',
      })),
    }),
  }
}
