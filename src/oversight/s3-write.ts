import type { CloudTrailRecord } from './cloudtrail-record.ts'

export const WRITE_KINDS = [
  'written',
  'copied',
  'deleted',
  // One call that deletes many keys. Where the trail selects them, each key has a record of its own too (`deleted`).
  'batch-deleted',
  'tagged',
  // A write call that this version does not know. It is reported by its S3 name.
  'other',
  // AWS refused the call.
  'denied',
] as const

export type WriteKind = (typeof WRITE_KINDS)[number]

/** A CloudTrail record of a write, or of a call that AWS refused. */
export interface S3Write {
  readonly kind: WriteKind
  readonly name: string
  readonly bucket: string
  /** Empty: the call is about the bucket or about many keys. */
  readonly key: string
  readonly bytes: number
}

/** The event names of CloudTrail ("Amazon S3 CloudTrail events"). */
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

/** Steps of a multipart upload that write no object: only CompleteMultipartUpload makes one that can be read. */
const MULTIPART_STEPS: ReadonlySet<string> = new Set([
  'CreateMultipartUpload',
  'UploadPart',
  'UploadPartCopy',
  'AbortMultipartUpload',
])

const READS = /^(Get|Head|List|Describe|Select)/

/** In these calls `bytes` is the size of the object. In others it is the size of an XML body. */
const CALLS_WITH_OBJECT: ReadonlySet<string> = new Set(['PutObject', 'PostObject'])

/** Undefined: nothing was written and nothing was refused. A refused read counts as `denied`, because it was tried. */
export function s3WriteOf(record: CloudTrailRecord): S3Write | undefined {
  const { name, source, errorCode, bucket = '', key = '' } = record
  if (source !== 's3.amazonaws.com') return undefined
  if (errorCode === 'AccessDenied') return { kind: 'denied', name, bucket, key, bytes: 0 }
  if (errorCode !== undefined || isRead(record) || MULTIPART_STEPS.has(name)) return undefined
  const bytes = CALLS_WITH_OBJECT.has(name) ? (record.bytes ?? 0) : 0
  return { kind: KINDS.get(name) ?? 'other', name, bucket, key, bytes }
}

function isRead({ readOnly, name }: CloudTrailRecord): boolean {
  return readOnly ?? READS.test(name)
}
