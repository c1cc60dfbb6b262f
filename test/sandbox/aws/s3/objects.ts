import { AwsError, type Outcome } from '../call.ts'
import { parseCopySource, parseQuery } from './address.ts'
import { readPayload } from './body.ts'
import { type Checksum, headerName } from './checksum.ts'
import { bucketArn } from './permissions.ts'
import { md5Etag, type StoredObject } from './store.ts'
import { empty, httpDate, noSuchKey, type ObjectVisit, refusal } from './visit.ts'
import { xmlReply } from './xml.ts'

const KEPT =
  /^(content-type|cache-control|content-disposition|content-language|expires|x-amz-meta-.+|x-amz-storage-class)$/

/** The headers of a PUT that a later GET gives back. */
export function keptHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  const kept = Object.fromEntries(Object.entries(headers).filter(([name]) => KEPT.test(name)))
  const encoding = (headers['content-encoding'] ?? '').replace(/aws-chunked,?\s*/, '')
  return {
    'content-type': 'binary/octet-stream',
    ...kept,
    ...(encoding === '' ? {} : { 'content-encoding': encoding }),
  }
}

/** The answer does not say whether a key exists to one who may not list: 404 is then 403 ("HeadObject", "GetObject" API pages). */
export function existing(visit: ObjectVisit, bucket = visit.bucket, key = visit.key): StoredObject {
  const object = visit.store.get(bucket, key)
  if (object !== undefined) return object
  const context = { 's3:prefix': key }
  const refused = refusal(visit, { action: 's3:ListBucket', bucket, resource: bucketArn(bucket), context })
  throw refused ?? noSuchKey()
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
  const object = existing(visit)
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
      'x-amz-server-side-encryption': 'AES256',
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

/** `If-Match` and its kin; `prefix` is that of the copy source's conditions. */
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

/** Conditional writes: `If-None-Match: *` refuses to overwrite, `If-Match` refuses to overwrite another version. */
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
  const { body, checksum } = readPayload(call.request)
  const object: StoredObject = {
    key,
    body,
    etag: md5Etag(body),
    modifiedAt: core.clock.now(),
    headers: keptHeaders(call.request.headers),
    tags: parseQuery(call.request.headers['x-amz-tagging'] ?? ''),
    checksum,
  }
  store.put(bucket, object)
  const written = { ...empty(200, { etag: object.etag, ...WRITTEN, ...checksumHeaders(checksum) }) }
  return { ...written, facts: { bytesIn: body.length, responseElements: WRITTEN } }
}

/** S3 encrypts every new object. */
const WRITTEN = { 'x-amz-server-side-encryption': 'AES256' } as const

export function copyObject(visit: ObjectVisit): Outcome {
  const { core, store, bucket, key, call } = visit
  const { headers } = call.request
  const source = parseCopySource(headers['x-amz-copy-source'] ?? '')
  const from = existing(visit, source.bucket, source.key)
  checkConditions(headers, from, 'x-amz-copy-source-')
  const replacesHeaders = headers['x-amz-metadata-directive'] === 'REPLACE'
  const replacesTags = headers['x-amz-tagging-directive'] === 'REPLACE'
  if (source.bucket === bucket && source.key === key && !replacesHeaders && !replacesTags) {
    throw new AwsError(
      'InvalidRequest',
      400,
      "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
    )
  }
  const object: StoredObject = {
    ...from,
    key,
    modifiedAt: core.clock.now(),
    headers: replacesHeaders ? keptHeaders(headers) : from.headers,
    tags: replacesTags ? parseQuery(headers['x-amz-tagging'] ?? '') : from.tags,
  }
  store.put(bucket, object)
  const result = { ETag: object.etag, LastModified: new Date(object.modifiedAt).toISOString() }
  return { reply: xmlReply('CopyObjectResult', result, WRITTEN), facts: { responseElements: WRITTEN } }
}

export function deleteObject({ store, bucket, key }: ObjectVisit): Outcome {
  store.delete(bucket, key)
  return empty(204)
}
