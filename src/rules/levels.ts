/** Named sets of S3 actions, in canonical order. */
export const LEVELS = ['read', 'write', 'delete'] as const

export type Level = (typeof LEVELS)[number]

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
  // Where the bucket keeps versions this only hides an object; s3:DeleteObjectVersion would be for good.
  delete: { object: ['s3:DeleteObject'], list: true },
}

/** Each level once, in canonical order. */
export function sortLevels(levels: Iterable<Level>): readonly Level[] {
  const asked = new Set(levels)
  return LEVELS.filter((level) => asked.has(level))
}
