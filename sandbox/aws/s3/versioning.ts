import { z } from 'zod'
import { AwsError, type Outcome } from '../call.ts'
import { readPayload } from './body.ts'
import { maxKeys } from './listing.ts'
import type { Version } from './version-list.ts'
import { bucketOf, empty, type Visit } from './visit.ts'
import { type Element, parseXml, xmlReply } from './xml.ts'

const VERSIONING = z.object({ Status: z.enum(['Enabled', 'Suspended']) })

export function getBucketVersioning(visit: Visit): Outcome {
  const { versioning } = bucketOf(visit, visit.address.bucket ?? '')
  return { reply: xmlReply('VersioningConfiguration', versioning === undefined ? '' : { Status: versioning }) }
}

export function putBucketVersioning(visit: Visit): Outcome {
  const bucket = bucketOf(visit, visit.address.bucket ?? '')
  const { body } = readPayload(visit.call.request)
  bucket.versioning = parseXml(body, 'VersioningConfiguration', VERSIONING).Status
  return empty(200)
}

interface PageMarkers {
  readonly key: string
  readonly versionId: string | undefined
}

export function listObjectVersions(visit: Visit): Outcome {
  const { query, bucket = '' } = visit.address
  bucketOf(visit, bucket)
  const prefix = query.get('prefix') ?? ''
  const delimiter = query.get('delimiter') ?? ''
  const limit = maxKeys(query.get('max-keys'))
  const encode = query.get('encoding-type') === 'url' ? encodeURIComponent : (key: string) => key
  const all = visit.store.versions(bucket, prefix)
  const { listed, prefixes, next } = pageOf(all.slice(start(all, markers(query))), { prefix, delimiter, limit })
  const isLatest = (version: Version) => visit.store.version(bucket, version.key) === version
  const rows = (kept: readonly Version[]) => kept.map((one) => row(one, isLatest(one), encode))
  return {
    reply: xmlReply('ListVersionsResult', {
      Name: bucket,
      Prefix: encode(prefix),
      KeyMarker: encode(query.get('key-marker') ?? ''),
      VersionIdMarker: query.get('version-id-marker') ?? '',
      MaxKeys: limit,
      ...(delimiter === '' ? {} : { Delimiter: encode(delimiter) }),
      ...(query.get('encoding-type') === 'url' ? { EncodingType: 'url' } : {}),
      IsTruncated: next !== undefined,
      NextKeyMarker: next && encode(next.key),
      NextVersionIdMarker: next?.versionId,
      Version: rows(listed.filter(({ object }) => object !== undefined)),
      DeleteMarker: rows(listed.filter(({ object }) => object === undefined)),
      CommonPrefixes: prefixes.map((one) => ({ Prefix: encode(one) })),
    }),
  }
}

function markers(query: ReadonlyMap<string, string>): PageMarkers | undefined {
  const key = query.get('key-marker') ?? ''
  const versionId = query.get('version-id-marker') ?? ''
  if (key === '' && versionId !== '') {
    throw new AwsError('InvalidArgument', 400, 'A version-id marker cannot be specified without a key marker.')
  }
  return key === '' ? undefined : { key, versionId: versionId === '' ? undefined : versionId }
}

/** The index at which the page begins: after the version that the markers name, or after all versions of the key. */
function start(all: readonly Version[], after: PageMarkers | undefined): number {
  if (after === undefined) return 0
  const at = all.findIndex(({ key, versionId }) => key === after.key && versionId === after.versionId)
  if (at !== -1) return at + 1
  const beyond = all.findIndex(({ key }) => {
    const order = Buffer.compare(Buffer.from(key), Buffer.from(after.key))
    return order > 0 && !(after.key.endsWith('/') && key.startsWith(after.key))
  })
  return beyond === -1 ? all.length : beyond
}

function pageOf(
  all: readonly Version[],
  { prefix, delimiter, limit }: { readonly prefix: string; readonly delimiter: string; readonly limit: number },
): {
  readonly listed: readonly Version[]
  readonly prefixes: readonly string[]
  readonly next: PageMarkers | undefined
} {
  const listed: Version[] = []
  const prefixes: string[] = []
  let last: PageMarkers | undefined
  for (const version of all) {
    const cut = delimiter === '' ? -1 : version.key.indexOf(delimiter, prefix.length)
    const common = cut === -1 ? undefined : version.key.slice(0, cut + delimiter.length)
    if (common !== undefined && prefixes.at(-1) === common) continue
    if (listed.length + prefixes.length >= limit) return { listed, prefixes, next: last }
    if (common === undefined) listed.push(version)
    else prefixes.push(common)
    last = common === undefined ? version : { key: common, versionId: undefined }
  }
  return { listed, prefixes, next: undefined }
}

function row(
  { key, versionId, modifiedAt, object }: Version,
  isLatest: boolean,
  encode: (key: string) => string,
): Element {
  const common = {
    Key: encode(key),
    VersionId: versionId,
    IsLatest: isLatest,
    LastModified: new Date(modifiedAt).toISOString(),
  }
  if (object === undefined) return common
  const StorageClass = object.headers['x-amz-storage-class'] ?? 'STANDARD'
  return { ...common, ETag: object.etag, Size: object.body.length, StorageClass }
}
