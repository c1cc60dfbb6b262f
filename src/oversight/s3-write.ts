import type { CloudTrailRecord } from './cloudtrail-record.ts'

export const WRITE_KINDS = ['written', 'copied', 'deleted', 'batch-deleted', 'tagged', 'other', 'denied'] as const
/**
 * `denied`: tried, and AWS refused. `batch-deleted`: one call that names many keys; each of them has a record of its own, `deleted`, where the
 * trail selects those. `other`: a write that S3 learnt after us, told by its name.
 */
export type WriteKind = (typeof WRITE_KINDS)[number]

/** What a CloudTrail record becomes. */
export interface S3Write {
  readonly kind: WriteKind
  readonly name: string
  readonly bucket: string
  /** Empty: the call is about the bucket, or about many keys. */
  readonly key: string
  readonly bytes: number
}

/** Names as CloudTrail writes them ("Amazon S3 CloudTrail events"). */
const KINDS: ReadonlyMap<string, WriteKind> = new Map([
  ['PutObject', 'written'],
  ['PostObject', 'written'],
  ['CompleteMultipartUpload', 'written'],
  ['CopyObject', 'copied'],
  ['DeleteObject', 'deleted'],
  ['DeleteObjects', 'batch-deleted'],
  ['PutObjectTagging', 'tagged'],
  ['DeleteObjectTagging', 'tagged'],
])

/** Nothing can be read before the upload is complete, and nothing is there after it was aborted. */
const PARTS: ReadonlySet<string> = new Set([
  'CreateMultipartUpload',
  'UploadPart',
  'UploadPartCopy',
  'AbortMultipartUpload',
])

const READS = /^(Get|Head|List|Describe|Select)/

/** Of the other calls these bytes are XML. */
const CARRY_THE_OBJECT: ReadonlySet<string> = new Set(['PutObject', 'PostObject'])

/** Undefined: nothing was written, nor refused. Refused reads count: somebody tried. */
export function s3WriteOf(record: CloudTrailRecord): S3Write | undefined {
  const { name, source, errorCode, bucket = '', key = '' } = record
  if (source !== 's3.amazonaws.com') return undefined
  if (errorCode === 'AccessDenied') return { kind: 'denied', name, bucket, key, bytes: 0 }
  if (errorCode !== undefined || isRead(record) || PARTS.has(name)) return undefined
  const bytes = CARRY_THE_OBJECT.has(name) ? (record.bytes ?? 0) : 0
  return { kind: KINDS.get(name) ?? 'other', name, bucket, key, bytes }
}

function isRead({ readOnly, name }: CloudTrailRecord): boolean {
  return readOnly ?? READS.test(name)
}
