import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import type { ObjectLinks } from '../grants/credentials/object-link.ts'
import type { Rules } from '../rules/rules.ts'
import { regionOf } from './region-of.ts'

/** Presigned S3 URLs. Signing calls no service: S3 checks the signer's rights and the time when the URL is used. */
export function objectLinks({ buckets }: { readonly buckets: Rules['buckets'] }): ObjectLinks {
  return {
    async sign({ accessKeyId, secretAccessKey, sessionToken }, { method, object, nowMs, expiresAtMs }) {
      const s3 = new S3Client({
        region: regionOf(buckets, object),
        credentials: { accessKeyId, secretAccessKey, sessionToken },
        // By default the SDK signs a checksum of the body, which is not known yet.
        requestChecksumCalculation: 'WHEN_REQUIRED',
      })
      const at = { Bucket: object.bucket, Key: object.key }
      const command = method === 'get' ? new GetObjectCommand(at) : new PutObjectCommand(at)
      // The lifetime is in whole seconds. It begins at `signingDate`, which the signature cuts to a whole second.
      const expiresIn = Math.floor(expiresAtMs / 1_000) - Math.floor(nowMs / 1_000)
      return await getSignedUrl(s3, command, { expiresIn, signingDate: new Date(nowMs) })
    },
  }
}
