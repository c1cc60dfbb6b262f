/** Named sets of S3 actions, in canonical order. */
export const LEVELS = ['read', 'write', 'delete', 'purge', 'tag', 'bucket-policy'] as const

/** What an entitlement may offer. What `bucket-policy` writes outlives the grant: nobody can ask for it until requests can need two approvers. */
export const ASKABLE_LEVELS = ['read', 'write', 'delete', 'purge', 'tag'] as const

export type Level = (typeof LEVELS)[number]
export type AskableLevel = (typeof ASKABLE_LEVELS)[number]

export interface LevelActions {
  /** On the objects of the scope. */
  readonly object: readonly string[]
  /** Whether names under the scope may be listed (`s3:ListBucket` with a condition on `s3:prefix`). */
  readonly list: boolean
}

/**
 * What `aws s3 cp`, `sync`, `mv` and `rm` need, and no more. All list: `sync` and `rm --recursive` compare names first, and without
 * `s3:ListBucket` S3 answers 403 instead of 404 for an object that is not there.
 * Never here: ACLs, bucket settings, retention and legal hold, replication, tags, versions: each would outlive or outgrow its scope.
 */
export const ACTIONS: Readonly<Record<Level, LevelActions>> = {
  read: { object: ['s3:GetObject'], list: true },
  // Starting, filling and completing a multipart upload are all s3:PutObject; a client that stops half way must be able to clear up.
  write: { object: ['s3:PutObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'], list: true },
  // Where the bucket keeps versions this only hides an object; `purge` is for good.
  delete: { object: ['s3:DeleteObject'], list: true },
  purge: { object: ['s3:GetObjectVersion', 's3:DeleteObjectVersion'], list: true },
  tag: { object: ['s3:GetObjectTagging', 's3:PutObjectTagging', 's3:DeleteObjectTagging'], list: true },
  'bucket-policy': { object: [], list: false },
}

/** Each level once, in canonical order. */
export function sortLevels<L extends Level>(levels: Iterable<L>): readonly L[] {
  const asked = new Set(levels)
  return [...asked].sort((a, b) => LEVELS.indexOf(a) - LEVELS.indexOf(b))
}
