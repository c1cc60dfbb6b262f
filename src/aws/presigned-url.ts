import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import type { ObjectLinks } from '../grants/credentials/object-link.ts'
import type { Rules } from '../rules/rules.ts'
import { regionOf } from './region-of.ts'

/** Presigned URLs. Nothing is sent: S3 judges signer and time when somebody uses one. */
export function objectLinks({ buckets }: { readonly buckets: Rules['buckets'] }): ObjectLinks {
  return {
    async sign({ accessKeyId, secretAccessKey, sessionToken }, { method, object, nowMs, expiresAtMs }) {
      const s3 = new S3Client({
        region: regionOf(buckets, object),
        credentials: { accessKeyId, secretAccessKey, sessionToken },
        // Otherwise the link would demand a checksum of something that nobody has yet.
        requestChecksumCalculation: 'WHEN_REQUIRED',
      })
      const at = { Bucket: object.bucket, Key: object.key }
      const command = method === 'get' ? new GetObjectCommand(at) : new PutObjectCommand(at)
      // The signature counts in whole seconds from a whole second.
      const expiresIn = Math.floor(expiresAtMs / 1_000) - Math.floor(nowMs / 1_000)
      return await getSignedUrl(s3, command, { expiresIn, signingDate: new Date(nowMs) })
    },
  }
}
