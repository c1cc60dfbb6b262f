import type { SandboxRequest } from '../call.ts'
import type { Context } from '../evaluator.ts'
import { type Address, parseCopySource, parseQuery } from './address.ts'
import type { Operation } from './operations.ts'
import type { Store } from './store.ts'
import { readTagging } from './tag-set.ts'
import type { StoredObject } from './version-list.ts'

/** One permission that a call needs (Service Authorization Reference, "Actions, resources, and condition keys for Amazon S3"). */
export interface Permission {
  readonly action: string
  /** The bucket whose policy and account apply; undefined for calls without a bucket. */
  readonly bucket: string | undefined
  readonly resource: string
  readonly context: Context
}

export function bucketArn(bucket: string): string {
  return `arn:aws:s3:::${bucket}`
}

function objectArn(bucket: string, key: string): string {
  return `arn:aws:s3:::${bucket}/${key}`
}

/** Returns every permission that the call needs. DeleteObjects is authorised key by key when its body is read. */
export function permissionsOf(
  operation: Operation,
  address: Address,
  request: SandboxRequest,
  store: Store,
  now: number,
): readonly Permission[] {
  const { bucket, key, query } = address
  const signing = signingContext(request, query, now)
  if (bucket === undefined) return [{ action: 's3:ListAllMyBuckets', bucket, resource: '*', context: signing }]
  if (key === undefined) return bucketPermissions(operation, bucket, { ...signing, ...listContext(query) })
  const versionId = query.get('versionId')
  const context = {
    ...signing,
    ...headerContext(request),
    ...requestTags(operation, request),
    ...existingTags(operation, store.get(bucket, key, query.get('versionId'))),
    ...(versionId === undefined ? {} : { 's3:versionid': versionId }),
  }
  const asks = (action: string): Permission => ({ action, bucket, resource: objectArn(bucket, key), context })
  return [
    asks(`s3:${versionId === undefined ? operation.action : versionAction(operation.action)}`),
    ...writeExtras(operation, request).map(asks),
    ...copyPermissions(request, store, signing, asks),
  ]
}

function bucketPermissions(operation: Operation, bucket: string, context: Context): readonly Permission[] {
  if (operation.name === 'DeleteObjects') return []
  return [{ action: `s3:${operation.action}`, bucket, resource: bucketArn(bucket), context }]
}

export function deletePermission(
  bucket: string,
  key: string,
  versionId: string | undefined,
  signing: Context,
): Permission {
  return {
    action: versionId === undefined ? 's3:DeleteObject' : 's3:DeleteObjectVersion',
    bucket,
    resource: objectArn(bucket, key),
    context: versionId === undefined ? signing : { ...signing, 's3:versionid': versionId },
  }
}

/** Calls on one version have their own actions: `GetObjectVersion` for `GetObject`, `PutObjectVersionTagging` for `PutObjectTagging`. */
function versionAction(action: string): string {
  const parts = /^(GetObject|PutObject|DeleteObject)(|Acl|Tagging|Attributes)$/.exec(action)
  return parts === null ? action : `${parts[1]}Version${parts[2]}`
}

/** A PUT that also sets tags, an ACL or a lock needs the permissions of those calls too. */
function writeExtras(operation: Operation, { headers }: SandboxRequest): readonly string[] {
  if (operation.action !== 'PutObject' || headers['x-amz-tagging-directive'] === 'COPY') return []
  const sets = (pattern: RegExp) => Object.keys(headers).some((name) => pattern.test(name))
  return [
    ...(headers['x-amz-tagging'] ? ['s3:PutObjectTagging'] : []),
    ...(sets(/^x-amz-(acl|grant-.+)$/) ? ['s3:PutObjectAcl'] : []),
    ...(sets(/^x-amz-object-lock-(mode|retain-until-date)$/) ? ['s3:PutObjectRetention'] : []),
    ...(sets(/^x-amz-object-lock-legal-hold$/) ? ['s3:PutObjectLegalHold'] : []),
  ]
}

/** A copy reads its source. CopyObject copies the source's tags by default, which needs tag permissions on both objects. */
function copyPermissions(
  request: SandboxRequest,
  store: Store,
  signing: Context,
  asks: (action: string) => Permission,
): readonly Permission[] {
  const header = request.headers['x-amz-copy-source']
  if (header === undefined) return []
  const { bucket, key, versionId } = parseCopySource(header)
  const tags = store.get(bucket, key, versionId)?.tags ?? new Map<string, string>()
  const context = { ...signing, ...tagContext('s3:ExistingObjectTag', tags) }
  const reads = (action: string): Permission => ({ action, bucket, resource: objectArn(bucket, key), context })
  const read = reads(versionId === undefined ? 's3:GetObject' : 's3:GetObjectVersion')
  const copiesTags =
    tags.size > 0 &&
    request.headers['x-amz-tagging-directive'] !== 'REPLACE' &&
    parseQuery(request.rawQuery).get('uploadId') === undefined
  return copiesTags ? [read, reads('s3:GetObjectTagging'), asks('s3:PutObjectTagging')] : [read]
}

export function signingContext(request: SandboxRequest, query: ReadonlyMap<string, string>, now: number): Context {
  const presignedAt = query.get('X-Amz-Date')
  const hash = request.headers['x-amz-content-sha256']
  return {
    's3:authType': presignedAt === undefined ? 'REST-HEADER' : 'REST-QUERY-STRING',
    's3:signatureversion': 'AWS4-HMAC-SHA256',
    ...(presignedAt === undefined ? {} : { 's3:signatureAge': String(now - parseBasicDate(presignedAt)) }),
    ...(hash === undefined ? {} : { 's3:x-amz-content-sha256': hash }),
  }
}

/** Parses `20261122T101500Z`. */
function parseBasicDate(text: string): number {
  return Date.parse(text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'))
}

function listContext(query: ReadonlyMap<string, string>): Context {
  const names = ['prefix', 'delimiter', 'max-keys'].filter((name) => query.has(name))
  return Object.fromEntries(names.map((name) => [`s3:${name}`, query.get(name) ?? '']))
}

const HEADER_KEYS =
  /^x-amz-(acl|copy-source|grant-.+|metadata-directive|server-side-encryption.*|storage-class|website-redirect-location)$/

function headerContext({ headers }: SandboxRequest): Context {
  const named = Object.entries(headers).filter(([name]) => HEADER_KEYS.test(name))
  return Object.fromEntries(named.map(([name, value]) => [`s3:${name}`, value]))
}

/** A write carries its tags in a header; PutObjectTagging carries them in the body. */
function requestTags({ name }: Operation, { headers, body }: SandboxRequest): Context {
  const tags = name === 'PutObjectTagging' ? readTagging(body) : parseQuery(headers['x-amz-tagging'] ?? '')
  if (tags.size === 0) return {}
  return { ...tagContext('s3:RequestObjectTag', tags), 's3:RequestObjectTagKeys': [...tags.keys()] }
}

/** `s3:ExistingObjectTag` applies to reads, tag calls, ACL calls and deletes of tags, but not to writes of the object. */
function existingTags(operation: Operation, object: StoredObject | undefined): Context {
  if (object === undefined || operation.action === 'PutObject' || operation.action === 'DeleteObject') return {}
  return tagContext('s3:ExistingObjectTag', object.tags)
}

function tagContext(key: string, tags: ReadonlyMap<string, string>): Context {
  return Object.fromEntries([...tags].map(([name, value]) => [`${key}/${name}`, value]))
}
