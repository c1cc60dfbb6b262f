import { AwsError, type Outcome } from '../call.ts'
import { parseCopySource, parseQuery } from './address.ts'
import { readPayload } from './body.ts'
import { type Checksum, headerName } from './checksum.ts'
import { encryptionHeaders, encryptNew, mayDecrypt } from './object-encryption.ts'
import { bucketArn } from './permissions.ts'
import { md5Etag } from './store.ts'
import type { StoredObject, Version } from './version-list.ts'
import {
  bucketOf,
  DeleteMarkerNamed,
  DeleteMarkerOnTop,
  empty,
  httpDate,
  noSuchKey,
  type ObjectVisit,
  refusal,
  type Visit,
} from './visit.ts'
import { xmlReply } from './xml.ts'

const KEPT =
  /^(content-type|cache-control|content-disposition|content-language|expires|x-amz-meta-.+|x-amz-storage-class)$/

/** The headers of a PUT that a later GET returns. */
export function keptHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  const kept = Object.fromEntries(Object.entries(headers).filter(([name]) => KEPT.test(name)))
  const encoding = (headers['content-encoding'] ?? '').replace(/aws-chunked,?\s*/, '')
  return {
    'content-type': 'binary/octet-stream',
    ...kept,
    ...(encoding === '' ? {} : { 'content-encoding': encoding }),
  }
}

/** Returns the object. A caller who may not list gets 403 instead of 404, so that the answer does not tell whether the key exists ("HeadObject", "GetObject" API pages). */
export function existing(visit: ObjectVisit, ref: VersionRef = refOf(visit)): FoundVersion {
  const { bucket, key, versionId } = ref
  const version = visit.store.version(bucket, key, versionId)
  if (version?.object !== undefined) return { ...version, object: version.object }
  if (version !== undefined && versionId !== undefined) throw new DeleteMarkerNamed(versionId)
  const context = { 's3:prefix': key }
  const refused = refusal(visit, { action: 's3:ListBucket', bucket, resource: bucketArn(bucket), context })
  if (refused !== undefined) throw refused
  if (versionId === undefined) throw version === undefined ? noSuchKey() : new DeleteMarkerOnTop(version.versionId)
  throw new AwsError('NoSuchVersion', 404, 'The specified version does not exist.')
}

export interface VersionRef {
  readonly bucket: string
  readonly key: string
  readonly versionId: string | undefined
}

function refOf({ bucket, key, address }: ObjectVisit): VersionRef {
  return { bucket, key, versionId: address.query.get('versionId') }
}

export interface FoundVersion extends Version {
  readonly object: StoredObject
}

/** Sent only for a bucket that has or had versioning. */
export function versionHeaders(visit: Visit, bucket: string, versionId: string | undefined): Record<string, string> {
  if (versionId === undefined || bucketOf(visit, bucket).versioning === undefined) return {}
  return { 'x-amz-version-id': versionId }
}

function checksumHeaders(checksum: Checksum | undefined): Record<string, string> {
  if (checksum === undefined) return {}
  return {
    [headerName(checksum.algorithm)]: checksum.value,
    'x-amz-checksum-type': checksum.value.includes('-') ? 'COMPOSITE' : 'FULL_OBJECT',
  }
}

export function getObject(visit: ObjectVisit): Outcome {
  const { headers, method } = visit.call.request
  const { object, versionId } = existing(visit)
  // HEAD reads no encrypted data except the checksum.
  if (method !== 'HEAD' || headers['x-amz-checksum-mode'] === 'ENABLED') mayDecrypt(visit, visit, object.kms)
  checkConditions(headers, object, '')
  const range = parseRange(headers.range, object.body.length)
  const body = range === undefined ? object.body : object.body.subarray(range.from, range.to + 1)
  const overrides = [...visit.address.query].filter(([name]) => name.startsWith('response-'))
  const reply = {
    status: range === undefined ? 200 : 206,
    headers: {
      ...object.headers,
      ...Object.fromEntries(overrides.map(([name, value]) => [name.slice('response-'.length), value])),
      ...(headers['x-amz-checksum-mode'] === 'ENABLED' && range === undefined ? checksumHeaders(object.checksum) : {}),
      ...(range === undefined ? {} : { 'content-range': `bytes ${range.from}-${range.to}/${object.body.length}` }),
      ...(object.tags.size === 0 ? {} : { 'x-amz-tagging-count': String(object.tags.size) }),
      'accept-ranges': 'bytes',
      'content-length': String(body.length),
      etag: object.etag,
      'last-modified': httpDate(object.modifiedAt),
      ...encryptionHeaders(object.kms),
      ...versionHeaders(visit, visit.bucket, versionId),
    },
    body: method === 'HEAD' ? '' : body,
  }
  return { reply, facts: { bytesOut: method === 'HEAD' ? 0 : body.length } }
}

interface Range {
  readonly from: number
  readonly to: number
}

export function parseRange(header: string | undefined, length: number): Range | undefined {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? []
  if (first === '' && last === '') return undefined
  const from = first === '' ? Math.max(0, length - Number(last)) : Number(first)
  const to = first === '' || last === '' ? length - 1 : Math.min(Number(last), length - 1)
  if (from > to) throw new AwsError('InvalidRange', 416, 'The requested range is not satisfiable')
  return { from, to }
}

/** Checks `If-Match` and similar headers. `prefix` is the header prefix of conditions on a copy source. */
export function checkConditions(
  headers: Readonly<Record<string, string>>,
  object: StoredObject,
  prefix: '' | 'x-amz-copy-source-',
): void {
  const seconds = Math.floor(object.modifiedAt / 1000) * 1000
  const names = (list: string | undefined) => (list ?? '').split(',').map((tag) => tag.trim().replaceAll('"', ''))
  const etag = object.etag.replaceAll('"', '')
  const matches = (list: string) => names(list).some((tag) => tag === '*' || tag === etag)
  const ifMatch = headers[`${prefix}if-match`]
  const unmodified = headers[`${prefix}if-unmodified-since`]
  if (ifMatch === undefined ? unmodified !== undefined && seconds > Date.parse(unmodified) : !matches(ifMatch)) {
    throw new AwsError('PreconditionFailed', 412, 'At least one of the pre-conditions you specified did not hold')
  }
  const noneMatch = headers[`${prefix}if-none-match`]
  const modified = headers[`${prefix}if-modified-since`]
  if (noneMatch === undefined ? modified !== undefined && seconds <= Date.parse(modified) : matches(noneMatch)) {
    throw prefix === ''
      ? new AwsError('NotModified', 304, 'Not Modified')
      : new AwsError('PreconditionFailed', 412, 'At least one of the pre-conditions you specified did not hold')
  }
}

/** Checks conditional writes: `If-None-Match: *` refuses to overwrite, `If-Match` refuses to overwrite another version. */
export function checkWriteConditions(visit: ObjectVisit): void {
  const { headers } = visit.call.request
  const present = visit.store.get(visit.bucket, visit.key)
  const wanted = headers['if-match']?.replaceAll('"', '')
  const clash = headers['if-none-match'] === '*' && present !== undefined
  if (wanted !== undefined && present === undefined) throw noSuchKey()
  if (clash || (wanted !== undefined && present?.etag.replaceAll('"', '') !== wanted)) {
    throw new AwsError('PreconditionFailed', 412, 'At least one of the pre-conditions you specified did not hold')
  }
}

export function putObject(visit: ObjectVisit): Outcome {
  const { core, store, bucket, key, call } = visit
  checkWriteConditions(visit)
  const kms = encryptNew(visit)
  const { body, checksum } = readPayload(call.request)
  const object: StoredObject = {
    key,
    body,
    etag: md5Etag(body),
    modifiedAt: core.clock.now(),
    headers: keptHeaders(call.request.headers),
    tags: parseQuery(call.request.headers['x-amz-tagging'] ?? ''),
    checksum,
    kms,
  }
  const versionId = store.put(bucket, object)
  const written = { ...encryptionHeaders(kms), ...versionHeaders(visit, bucket, versionId) }
  const outcome = empty(200, { etag: object.etag, ...written, ...checksumHeaders(checksum) })
  return { ...outcome, facts: { bytesIn: body.length, responseElements: written } }
}

export function copyObject(visit: ObjectVisit): Outcome {
  const { core, store, bucket, key, call } = visit
  const { headers } = call.request
  const source = parseCopySource(headers['x-amz-copy-source'] ?? '')
  const from = existing(visit, source)
  mayDecrypt(visit, source, from.object.kms)
  checkConditions(headers, from.object, 'x-amz-copy-source-')
  refuseCopyToItself(visit, source)
  const kms = encryptNew(visit)
  const object: StoredObject = {
    ...from.object,
    ...replacedBy(headers, from.object),
    key,
    modifiedAt: core.clock.now(),
    kms,
  }
  const versionId = store.put(bucket, object)
  const written = { ...encryptionHeaders(kms), ...versionHeaders(visit, bucket, versionId) }
  const copied = versionHeaders(visit, source.bucket, from.versionId)['x-amz-version-id']
  const sourceHeader = copied === undefined ? {} : { 'x-amz-copy-source-version-id': copied }
  const result = { ETag: object.etag, LastModified: new Date(object.modifiedAt).toISOString() }
  const reply = xmlReply('CopyObjectResult', result, { ...written, ...sourceHeader })
  return { reply, facts: { responseElements: written } }
}

function replacedBy(
  headers: Readonly<Record<string, string>>,
  from: StoredObject,
): Pick<StoredObject, 'headers' | 'tags'> {
  return {
    headers: headers['x-amz-metadata-directive'] === 'REPLACE' ? keptHeaders(headers) : from.headers,
    tags: headers['x-amz-tagging-directive'] === 'REPLACE' ? parseQuery(headers['x-amz-tagging'] ?? '') : from.tags,
  }
}

function refuseCopyToItself(visit: ObjectVisit, source: VersionRef): void {
  const { headers } = visit.call.request
  const changes =
    headers['x-amz-metadata-directive'] === 'REPLACE' ||
    headers['x-amz-tagging-directive'] === 'REPLACE' ||
    headers['x-amz-server-side-encryption'] !== undefined ||
    source.versionId !== undefined
  if (source.bucket !== visit.bucket || source.key !== visit.key || changes) return
  throw new AwsError(
    'InvalidRequest',
    400,
    "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
  )
}

export function deleteObject(visit: ObjectVisit): Outcome {
  const { core, store, bucket, key, versionId } = { ...visit, ...refOf(visit) }
  const gone = store.delete(bucket, key, core.clock.now(), versionId)
  const marker: Record<string, string> = gone.marker ? { 'x-amz-delete-marker': 'true' } : {}
  return empty(204, { ...marker, ...versionHeaders(visit, bucket, gone.versionId) })
}
