/** Named sets of S3 actions, in canonical order. */
export const LEVELS = ['read', 'write', 'delete', 'purge', 'tag', 'bucket-policy'] as const

/** What an entitlement may offer. What `bucket-policy` writes outlives the grant: nobody can ask for it until requests can need two approvers. */
export const ASKABLE_LEVELS = ['read', 'write', 'delete', 'purge', 'tag'] as const

export const NO_BUCKET_POLICY =
  'The level bucket-policy needs two approvers, which this version of Latchkey does not have.'

export type Level = (typeof LEVELS)[number]
export type AskableLevel = (typeof ASKABLE_LEVELS)[number]

export interface LevelActions {
  /** On the objects of the scope. */
  readonly object: readonly string[]
  /** Names under the scope: on the bucket, and only with an `s3:prefix` inside the scope. */
  readonly list: readonly string[]
  /** On the bucket itself: of a scope that is a whole bucket, and of no other. */
  readonly bucket: readonly string[]
  /** On the key that the bucket is encrypted with, where the rules name one, and only through S3. */
  readonly key: readonly string[]
}

/**
 * What `aws s3 cp`, `sync`, `mv` and `rm` need, and no more. All that reach objects list: `sync` and `rm --recursive` compare names first, and
 * without `s3:ListBucket` S3 answers 403 instead of 404 for an object that is not there.
 */
export const ACTIONS: Readonly<Record<Level, LevelActions>> = {
  read: { object: ['s3:GetObject'], list: ['s3:ListBucket'], bucket: [], key: ['kms:Decrypt'] },
  write: {
    // Starting, filling and completing a multipart upload are all s3:PutObject; a client that stops half way must be able to clear up.
    object: ['s3:PutObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'],
    list: ['s3:ListBucket'],
    bucket: [],
    // Amazon S3 User Guide, multipart upload and encryption: S3 reads the parts again to put them together.
    key: ['kms:GenerateDataKey', 'kms:Decrypt'],
  },
  // Where the bucket keeps versions this only hides an object; `purge` is for good.
  delete: { object: ['s3:DeleteObject'], list: ['s3:ListBucket'], bucket: [], key: [] },
  // Of any version, the present one too: it has an id as well (`null` where the bucket keeps none), which `s3:ListBucketVersions` tells.
  purge: {
    object: ['s3:GetObjectVersion', 's3:DeleteObjectVersion'],
    list: ['s3:ListBucket', 's3:ListBucketVersions'],
    bucket: [],
    key: ['kms:Decrypt'],
  },
  tag: {
    object: ['s3:GetObjectTagging', 's3:PutObjectTagging', 's3:DeleteObjectTagging'],
    list: ['s3:ListBucket'],
    bucket: [],
    key: [],
  },
  'bucket-policy': {
    object: [],
    list: [],
    bucket: ['s3:GetBucketPolicy', 's3:PutBucketPolicy', 's3:DeleteBucketPolicy'],
    key: [],
  },
}

/**
 * What no level that can be asked for may ever do, whatever is written into a role: each would outlive or outgrow its scope. As IAM patterns,
 * for the Deny in elevation roles and in their boundary.
 */
export const NEVER = [
  // Who may reach an object or a bucket, and where its bytes go, without Latchkey.
  ...['s3:Put*Acl', 's3:PutBucket*', 's3:CreateBucket*', 's3:DeleteBucket*', 's3:Put*Configuration', 's3:Replicate*'],
  ...['s3:*AccessPoint*', 's3:*AccessGrant*', 's3:*Job*', 's3:PutAccountPublicAccessBlock'],
  ...['s3:ObjectOwnerOverrideToBucketOwner', 's3:UpdateObjectEncryption'],
  // What nobody could undo, or nobody would see.
  ...['s3:PutObjectRetention', 's3:PutObjectLegalHold', 's3:BypassGovernanceRetention'],
  ...['s3:PutObjectVersionTagging', 's3:DeleteObjectVersionTagging', 's3:*ObjectAnnotation*'],
] as const

/** Each level once, in canonical order. */
export function sortLevels<L extends Level>(levels: Iterable<L>): readonly L[] {
  const asked = new Set(levels)
  return [...asked].sort((a, b) => LEVELS.indexOf(a) - LEVELS.indexOf(b))
}
