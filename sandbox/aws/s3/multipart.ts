import { createHash } from 'node:crypto'
import { z } from 'zod'
import { AwsError, type Outcome } from '../call.ts'
import { parseCopySource, parseQuery } from './address.ts'
import { readPayload } from './body.ts'
import { compositeChecksum, headerName } from './checksum.ts'
import { encryptionHeaders, encryptNew, mayDecrypt } from './object-encryption.ts'
import { checkConditions, checkWriteConditions, existing, keptHeaders, parseRange, versionHeaders } from './objects.ts'
import { md5Etag, type Upload, type UploadedPart } from './store.ts'
import { empty, type ObjectVisit, uploadId } from './visit.ts'
import { parseXml, xmlReply } from './xml.ts'

/** Every part except the last has at least 5 MiB ("Amazon S3 multipart upload limits"). */
const SMALLEST_PART_BYTES = 5 * 1024 * 1024

export function createMultipartUpload(visit: ObjectVisit): Outcome {
  const { core, store, bucket, key, call } = visit
  const { headers } = call.request
  const kms = encryptNew(visit)
  const upload: Upload = {
    id: uploadId(),
    bucket,
    key,
    startedAt: core.clock.now(),
    headers: keptHeaders(headers),
    tags: parseQuery(headers['x-amz-tagging'] ?? ''),
    kms,
    parts: new Map(),
  }
  store.begin(upload)
  const algorithm = headers['x-amz-checksum-algorithm']
  const echoed = algorithm === undefined ? {} : { 'x-amz-checksum-algorithm': algorithm }
  const result = { Bucket: bucket, Key: key, UploadId: upload.id }
  return {
    reply: xmlReply('InitiateMultipartUploadResult', result, { ...echoed, ...encryptionHeaders(kms) }),
    facts: { responseElements: result },
  }
}

function uploadOf({ store, bucket, key, address }: ObjectVisit): Upload {
  return store.upload(bucket, key, address.query.get('uploadId') ?? '')
}

function partNumber({ address }: ObjectVisit): number {
  const number = Number(address.query.get('partNumber'))
  if (Number.isInteger(number) && number >= 1 && number <= 10_000) return number
  throw new AwsError('InvalidArgument', 400, 'Part number must be an integer between 1 and 10000, inclusive')
}

export function uploadPart(visit: ObjectVisit): Outcome {
  const upload = uploadOf(visit)
  mayDecrypt(visit, visit, upload.kms)
  const { body, checksum } = readPayload(visit.call.request)
  const part: UploadedPart = { body, etag: md5Etag(body), modifiedAt: visit.core.clock.now(), checksum }
  upload.parts.set(partNumber(visit), part)
  const sum = checksum === undefined ? {} : { [headerName(checksum.algorithm)]: checksum.value }
  return {
    ...empty(200, { etag: part.etag, ...sum, ...encryptionHeaders(upload.kms) }),
    facts: { bytesIn: body.length },
  }
}

export function uploadPartCopy(visit: ObjectVisit): Outcome {
  const upload = uploadOf(visit)
  const { headers } = visit.call.request
  const source = parseCopySource(headers['x-amz-copy-source'] ?? '')
  const { object: from } = existing(visit, source)
  mayDecrypt(visit, source, from.kms)
  mayDecrypt(visit, visit, upload.kms)
  checkConditions(headers, from, 'x-amz-copy-source-')
  const range = parseRange(headers['x-amz-copy-source-range'], from.body.length)
  const body = range === undefined ? from.body : from.body.subarray(range.from, range.to + 1)
  const part: UploadedPart = { body, etag: md5Etag(body), modifiedAt: visit.core.clock.now(), checksum: undefined }
  upload.parts.set(partNumber(visit), part)
  const result = { ETag: part.etag, LastModified: new Date(part.modifiedAt).toISOString() }
  return { reply: xmlReply('CopyPartResult', result) }
}

const COMPLETION = z.object({
  Part: z.array(z.object({ PartNumber: z.coerce.number().int(), ETag: z.string() })).min(1),
})

export function completeMultipartUpload(visit: ObjectVisit): Outcome {
  const { core, store, bucket, key } = visit
  const upload = uploadOf(visit)
  mayDecrypt(visit, visit, upload.kms)
  const { body } = readPayload(visit.call.request)
  const listed = parseXml(body, 'CompleteMultipartUpload', COMPLETION).Part
  const parts = listed.map(({ PartNumber, ETag }, at) => {
    if (at > 0 && PartNumber <= (listed[at - 1]?.PartNumber ?? 0)) {
      throw new AwsError('InvalidPartOrder', 400, 'The list of parts was not in ascending order.')
    }
    return listedPart(upload, PartNumber, ETag, at === listed.length - 1)
  })
  checkWriteConditions(visit)
  const etag = compositeEtag(parts)
  const versionId = store.put(bucket, {
    key,
    body: Buffer.concat(parts.map((part) => part.body)),
    etag,
    modifiedAt: core.clock.now(),
    headers: upload.headers,
    tags: upload.tags,
    checksum: compositeChecksum(parts.map((part) => part.checksum)),
    kms: upload.kms,
  })
  store.forget(upload.id)
  const result = { Location: `https://${bucket}.s3.amazonaws.com/${key}`, Bucket: bucket, Key: key, ETag: etag }
  const headers = { ...encryptionHeaders(upload.kms), ...versionHeaders(visit, bucket, versionId) }
  return { reply: xmlReply('CompleteMultipartUploadResult', result, headers), facts: { responseElements: result } }
}

function listedPart(upload: Upload, number: number, etag: string, last: boolean): UploadedPart {
  const part = upload.parts.get(number)
  if (part === undefined || part.etag.replaceAll('"', '') !== etag.replaceAll('"', '')) {
    throw new AwsError(
      'InvalidPart',
      400,
      "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
    )
  }
  if (!last && part.body.length < SMALLEST_PART_BYTES) {
    throw new AwsError('EntityTooSmall', 400, 'Your proposed upload is smaller than the minimum allowed size')
  }
  return part
}

/** The MD5 of the parts' MD5s, a dash and the number of parts. AWS does not document it, but clients rely on it. */
function compositeEtag(parts: readonly UploadedPart[]): string {
  const joined = Buffer.concat(parts.map((part) => Buffer.from(part.etag.replaceAll('"', ''), 'hex')))
  return `"${createHash('md5').update(joined).digest('hex')}-${parts.length}"`
}

export function abortMultipartUpload(visit: ObjectVisit): Outcome {
  visit.store.forget(uploadOf(visit).id)
  return empty(204)
}

export function listParts(visit: ObjectVisit): Outcome {
  const upload = uploadOf(visit)
  const parts = [...upload.parts].sort(([a], [b]) => a - b)
  const reply = xmlReply('ListPartsResult', {
    Bucket: upload.bucket,
    Key: upload.key,
    UploadId: upload.id,
    StorageClass: 'STANDARD',
    MaxParts: 10_000,
    IsTruncated: false,
    Part: parts.map(([number, part]) => ({
      PartNumber: number,
      LastModified: new Date(part.modifiedAt).toISOString(),
      ETag: part.etag,
      Size: part.body.length,
    })),
  })
  return { reply }
}
