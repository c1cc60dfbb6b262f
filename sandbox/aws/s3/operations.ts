import { AwsError, type SandboxRequest } from '../call.ts'
import type { Address } from './address.ts'

/** S3's calls: how to recognise each, its IAM action (Service Authorization Reference) and its name in CloudTrail. */

export type Target = 'service' | 'bucket' | 'object'

export interface Operation {
  /** The name of the call in the API. */
  readonly name: string
  readonly method: string
  readonly target: Target
  /** A query parameter or header that must be present. */
  readonly marker: string | undefined
  /** The IAM action without `s3:`. permissions.ts adds the further actions of calls that need several. */
  readonly action: string
}

type Row = readonly [method: string, target: Target, marker: string, name: string, action: string]

/** Rows with a marker come first, because the first row that matches is used. */
const ROWS: readonly Row[] = [
  ['GET', 'service', '', 'ListBuckets', 'ListAllMyBuckets'],
  ['GET', 'bucket', 'location', 'GetBucketLocation', 'GetBucketLocation'],
  ['GET', 'bucket', 'uploads', 'ListMultipartUploads', 'ListBucketMultipartUploads'],
  ['GET', 'bucket', 'versions', 'ListObjectVersions', 'ListBucketVersions'],
  ['GET', 'bucket', 'policy', 'GetBucketPolicy', 'GetBucketPolicy'],
  ['PUT', 'bucket', 'policy', 'PutBucketPolicy', 'PutBucketPolicy'],
  ['DELETE', 'bucket', 'policy', 'DeleteBucketPolicy', 'DeleteBucketPolicy'],
  ['GET', 'bucket', 'policyStatus', 'GetBucketPolicyStatus', 'GetBucketPolicyStatus'],
  ['GET', 'bucket', 'versioning', 'GetBucketVersioning', 'GetBucketVersioning'],
  ['PUT', 'bucket', 'versioning', 'PutBucketVersioning', 'PutBucketVersioning'],
  ['GET', 'bucket', 'acl', 'GetBucketAcl', 'GetBucketAcl'],
  ['PUT', 'bucket', 'acl', 'PutBucketAcl', 'PutBucketAcl'],
  ['GET', 'bucket', 'cors', 'GetBucketCors', 'GetBucketCORS'],
  ['PUT', 'bucket', 'cors', 'PutBucketCors', 'PutBucketCORS'],
  ['DELETE', 'bucket', 'cors', 'DeleteBucketCors', 'PutBucketCORS'],
  ['GET', 'bucket', 'lifecycle', 'GetBucketLifecycle', 'GetLifecycleConfiguration'],
  ['PUT', 'bucket', 'lifecycle', 'PutBucketLifecycle', 'PutLifecycleConfiguration'],
  ['DELETE', 'bucket', 'lifecycle', 'DeleteBucketLifecycle', 'PutLifecycleConfiguration'],
  ['GET', 'bucket', 'encryption', 'GetBucketEncryption', 'GetEncryptionConfiguration'],
  ['PUT', 'bucket', 'encryption', 'PutBucketEncryption', 'PutEncryptionConfiguration'],
  ['DELETE', 'bucket', 'encryption', 'DeleteBucketEncryption', 'PutEncryptionConfiguration'],
  ['GET', 'bucket', 'tagging', 'GetBucketTagging', 'GetBucketTagging'],
  ['PUT', 'bucket', 'tagging', 'PutBucketTagging', 'PutBucketTagging'],
  ['DELETE', 'bucket', 'tagging', 'DeleteBucketTagging', 'PutBucketTagging'],
  ['GET', 'bucket', 'notification', 'GetBucketNotification', 'GetBucketNotification'],
  ['PUT', 'bucket', 'notification', 'PutBucketNotification', 'PutBucketNotification'],
  ['GET', 'bucket', 'replication', 'GetBucketReplication', 'GetReplicationConfiguration'],
  ['PUT', 'bucket', 'replication', 'PutBucketReplication', 'PutReplicationConfiguration'],
  ['DELETE', 'bucket', 'replication', 'DeleteBucketReplication', 'PutReplicationConfiguration'],
  ['GET', 'bucket', 'publicAccessBlock', 'GetBucketPublicAccessBlock', 'GetBucketPublicAccessBlock'],
  ['PUT', 'bucket', 'publicAccessBlock', 'PutBucketPublicAccessBlock', 'PutBucketPublicAccessBlock'],
  ['DELETE', 'bucket', 'publicAccessBlock', 'DeleteBucketPublicAccessBlock', 'PutBucketPublicAccessBlock'],
  ['GET', 'bucket', 'ownershipControls', 'GetBucketOwnershipControls', 'GetBucketOwnershipControls'],
  ['PUT', 'bucket', 'ownershipControls', 'PutBucketOwnershipControls', 'PutBucketOwnershipControls'],
  ['DELETE', 'bucket', 'ownershipControls', 'DeleteBucketOwnershipControls', 'PutBucketOwnershipControls'],
  ['GET', 'bucket', 'website', 'GetBucketWebsite', 'GetBucketWebsite'],
  ['PUT', 'bucket', 'website', 'PutBucketWebsite', 'PutBucketWebsite'],
  ['DELETE', 'bucket', 'website', 'DeleteBucketWebsite', 'DeleteBucketWebsite'],
  ['GET', 'bucket', 'logging', 'GetBucketLogging', 'GetBucketLogging'],
  ['PUT', 'bucket', 'logging', 'PutBucketLogging', 'PutBucketLogging'],
  ['GET', 'bucket', 'object-lock', 'GetBucketObjectLockConfiguration', 'GetBucketObjectLockConfiguration'],
  ['PUT', 'bucket', 'object-lock', 'PutBucketObjectLockConfiguration', 'PutBucketObjectLockConfiguration'],
  ['POST', 'bucket', 'delete', 'DeleteObjects', 'DeleteObject'],
  ['GET', 'bucket', 'list-type', 'ListObjectsV2', 'ListBucket'],
  ['GET', 'bucket', '', 'ListObjects', 'ListBucket'],
  ['HEAD', 'bucket', '', 'HeadBucket', 'ListBucket'],
  ['PUT', 'bucket', '', 'CreateBucket', 'CreateBucket'],
  ['DELETE', 'bucket', '', 'DeleteBucket', 'DeleteBucket'],
  ['GET', 'object', 'tagging', 'GetObjectTagging', 'GetObjectTagging'],
  ['PUT', 'object', 'tagging', 'PutObjectTagging', 'PutObjectTagging'],
  ['DELETE', 'object', 'tagging', 'DeleteObjectTagging', 'DeleteObjectTagging'],
  ['GET', 'object', 'acl', 'GetObjectAcl', 'GetObjectAcl'],
  ['PUT', 'object', 'acl', 'PutObjectAcl', 'PutObjectAcl'],
  ['GET', 'object', 'retention', 'GetObjectRetention', 'GetObjectRetention'],
  ['PUT', 'object', 'retention', 'PutObjectRetention', 'PutObjectRetention'],
  ['GET', 'object', 'legal-hold', 'GetObjectLegalHold', 'GetObjectLegalHold'],
  ['PUT', 'object', 'legal-hold', 'PutObjectLegalHold', 'PutObjectLegalHold'],
  ['GET', 'object', 'attributes', 'GetObjectAttributes', 'GetObjectAttributes'],
  ['POST', 'object', 'restore', 'RestoreObject', 'RestoreObject'],
  ['POST', 'object', 'uploads', 'CreateMultipartUpload', 'PutObject'],
  ['GET', 'object', 'uploadId', 'ListParts', 'ListMultipartUploadParts'],
  ['PUT', 'object', 'uploadId', 'UploadPart', 'PutObject'],
  ['POST', 'object', 'uploadId', 'CompleteMultipartUpload', 'PutObject'],
  ['DELETE', 'object', 'uploadId', 'AbortMultipartUpload', 'AbortMultipartUpload'],
  ['PUT', 'object', 'x-amz-copy-source', 'CopyObject', 'PutObject'],
  ['GET', 'object', '', 'GetObject', 'GetObject'],
  ['HEAD', 'object', '', 'HeadObject', 'GetObject'],
  ['PUT', 'object', '', 'PutObject', 'PutObject'],
  ['DELETE', 'object', '', 'DeleteObject', 'DeleteObject'],
]

const OPERATIONS: readonly Operation[] = ROWS.map(([method, target, marker, name, action]) => ({
  name,
  method,
  target,
  marker: marker === '' ? undefined : marker,
  action,
}))

/** Query parameters that do not select another call. */
const ORDINARY =
  /^(?:prefix|delimiter|max-keys|marker|continuation-token|start-after|fetch-owner|encoding-type|key-marker|version-id-marker|upload-id-marker|max-uploads|part-number-marker|max-parts|partNumber|versionId|x-id|response-.+|x-amz-.+)$/i

export function findOperation(request: SandboxRequest, { bucket, key, query }: Address): Operation {
  if (query.has('AWSAccessKeyId') || request.headers.authorization?.startsWith('AWS ')) {
    // Botocore still presigns with Signature Version 2 by default. Regions opened since 2014 refuse it.
    const message = 'The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.'
    throw new AwsError('InvalidRequest', 400, message)
  }
  const target: Target = bucket === undefined ? 'service' : key === undefined ? 'bucket' : 'object'
  const found = OPERATIONS.find(
    ({ method, target: its, marker }) =>
      method === request.method &&
      its === target &&
      (marker === undefined || query.has(marker) || request.headers[marker] !== undefined),
  )
  if (found === undefined) {
    throw new AwsError('MethodNotAllowed', 405, 'The specified method is not allowed against this resource.')
  }
  const strange = [...query.keys()].find((name) => name !== found.marker && !ORDINARY.test(name))
  if (strange !== undefined) {
    throw new AwsError('NotImplemented', 501, `The sandbox does not know the sub-resource ${strange}.`)
  }
  if (found.name === 'UploadPart' && request.headers['x-amz-copy-source'] !== undefined) {
    return { ...found, name: 'UploadPartCopy' }
  }
  return found
}
