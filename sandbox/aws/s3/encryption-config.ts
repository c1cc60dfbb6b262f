import { z } from 'zod'
import type { Outcome } from '../call.ts'
import { readPayload } from './body.ts'
import { bucketOf, empty, type Visit } from './visit.ts'
import { malformed, parseXml, xmlReply } from './xml.ts'

/** Default encryption of a bucket. Since 2023 every bucket has one: SSE-S3 unless another was put. */

const ENCRYPTION = z.object({
  Rule: z.object({
    ApplyServerSideEncryptionByDefault: z.object({
      SSEAlgorithm: z.enum(['AES256', 'aws:kms']),
      KMSMasterKeyID: z.string().min(1).optional(),
    }),
    BucketKeyEnabled: z.enum(['true', 'false']).optional(),
  }),
})

export function getBucketEncryption(visit: Visit): Outcome {
  const { algorithm, kmsKey, bucketKey } = bucketOf(visit, visit.address.bucket ?? '').encryption ?? {
    algorithm: 'AES256',
    bucketKey: false,
  }
  const ApplyServerSideEncryptionByDefault = { SSEAlgorithm: algorithm, KMSMasterKeyID: kmsKey }
  const Rule = { ApplyServerSideEncryptionByDefault, BucketKeyEnabled: bucketKey }
  return { reply: xmlReply('ServerSideEncryptionConfiguration', { Rule }) }
}

export function putBucketEncryption(visit: Visit): Outcome {
  const bucket = bucketOf(visit, visit.address.bucket ?? '')
  const { body } = readPayload(visit.call.request)
  const { Rule } = parseXml(body, 'ServerSideEncryptionConfiguration', ENCRYPTION)
  const { SSEAlgorithm, KMSMasterKeyID } = Rule.ApplyServerSideEncryptionByDefault
  if (SSEAlgorithm === 'AES256' && KMSMasterKeyID !== undefined) throw malformed()
  bucket.encryption = {
    algorithm: SSEAlgorithm,
    kmsKey: KMSMasterKeyID,
    bucketKey: Rule.BucketKeyEnabled === 'true',
  }
  return empty(200)
}

export function deleteBucketEncryption(visit: Visit): Outcome {
  delete bucketOf(visit, visit.address.bucket ?? '').encryption
  return empty(204)
}
