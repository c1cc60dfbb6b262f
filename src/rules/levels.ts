/** Named sets of S3 actions, in canonical order. */
export const LEVELS = ['read', 'write', 'delete', 'purge', 'tag', 'bucket-policy'] as const

/**
 * The levels that an entitlement may offer. `bucket-policy` is not among them until a request can need two approvers,
 * because a changed bucket policy outlives the grant.
 */
export const ASKABLE_LEVELS = ['read', 'write', 'delete', 'purge', 'tag'] as const

export const NO_BUCKET_POLICY =
  'The level bucket-policy needs two approvers, which this version of Latchkey does not have.'

export type Level = (typeof LEVELS)[number]
export type AskableLevel = (typeof ASKABLE_LEVELS)[number]

export interface LevelActions {
  /** Actions on the objects of the scope. */
  readonly object: readonly string[]
  /**
   * Actions on the bucket that list names. A prefix scope allows them only with an `s3:prefix` inside it, a whole bucket
   * without that condition, a single object not at all.
   */
  readonly list: readonly string[]
  /** Actions on the bucket itself, only with a scope that is the whole bucket. */
  readonly bucket: readonly string[]
  /** Actions on the bucket's KMS key, if the rules name one, and only through S3. */
  readonly key: readonly string[]
}

/**
 * The actions of each level: what `aws s3 cp`, `sync`, `mv` and `rm` need, and no more. Every level for objects
 * includes `s3:ListBucket`: `sync` and `rm --recursive` list first, and without it S3 answers 403 instead of 404 for a
 * missing object.
 */
export const ACTIONS: Readonly<Record<Level, LevelActions>> = {
  read: { object: ['s3:GetObject'], list: ['s3:ListBucket'], bucket: [], key: ['kms:Decrypt'] },
  write: {
    // s3:PutObject allows all steps of a multipart upload. The other two let a client clean up an upload that stopped
    // half way.
    object: ['s3:PutObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'],
    list: ['s3:ListBucket'],
    bucket: [],
    // kms:Decrypt, because S3 reads the parts of a multipart upload again to join them (Amazon S3 User Guide,
    // "Multipart upload and encryption").
    key: ['kms:GenerateDataKey', 'kms:Decrypt'],
  },
  // In a bucket with versions this only hides an object; `purge` deletes versions.
  delete: { object: ['s3:DeleteObject'], list: ['s3:ListBucket'], bucket: [], key: [] },
  // Any version, also the current one. `s3:ListBucketVersions` shows its id, which is `null` in a bucket without
  // versions.
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
 * IAM patterns of actions that no askable level may contain, because their effect outlives the grant or leaves its
 * scope. Elevation roles and their boundaries deny them.
 */
export const NEVER = [
  // They change who may reach an object or bucket, or copy its data elsewhere.
  ...['s3:Put*Acl', 's3:PutBucket*', 's3:CreateBucket*', 's3:DeleteBucket*', 's3:Put*Configuration', 's3:Replicate*'],
  ...['s3:*AccessPoint*', 's3:*AccessGrant*', 's3:*Job*', 's3:PutAccountPublicAccessBlock'],
  ...['s3:ObjectOwnerOverrideToBucketOwner', 's3:UpdateObjectEncryption'],
  // The effects of these actions cannot be undone or would stay unnoticed.
  ...['s3:PutObjectRetention', 's3:PutObjectLegalHold', 's3:BypassGovernanceRetention'],
  ...['s3:PutObjectVersionTagging', 's3:DeleteObjectVersionTagging', 's3:*ObjectAnnotation*'],
] as const

/** Each level once, in canonical order. */
export function sortLevels<L extends Level>(levels: Iterable<L>): readonly L[] {
  const asked = new Set(levels)
  return [...asked].sort((a, b) => LEVELS.indexOf(a) - LEVELS.indexOf(b))
}
