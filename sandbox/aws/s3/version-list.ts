import { randomBytes } from 'node:crypto'
import type { Bucket } from '../state.ts'
import type { Checksum } from './checksum.ts'

/** The versions of one key, oldest first (S3 User Guide, "Retaining multiple versions of objects"). */

/** The content of one version. */
export interface StoredObject {
  readonly key: string
  readonly body: Buffer
  readonly etag: string
  /** By the sandbox's clock. */
  readonly modifiedAt: number
  /** Headers that S3 returns later, such as content-type, x-amz-meta-… and cache-control. */
  readonly headers: Readonly<Record<string, string>>
  readonly tags: ReadonlyMap<string, string>
  readonly checksum: Checksum | undefined
  /** Absent for SSE-S3. */
  readonly kms?: ObjectKms | undefined
}

export interface ObjectKms {
  readonly keyArn: string
  readonly bucketKey: boolean
}

export interface Version {
  readonly key: string
  /** `null` for a version made while the bucket had no versioning or versioning was suspended. */
  readonly versionId: string
  readonly modifiedAt: number
  /** Undefined for a delete marker. */
  readonly object: StoredObject | undefined
}

/** The result of a delete. */
export interface Deletion {
  /** The id of the delete marker that was made or of the version that was removed. Absent if the bucket never had versioning. */
  readonly versionId: string | undefined
  /** True when a delete marker was made or removed. */
  readonly marker: boolean
}

type Versioning = Bucket['versioning']

export function latest(all: readonly Version[]): Version | undefined {
  return all.at(-1)
}

/** Adds a version. Without versioning, or while it is suspended, it replaces the version `null`. */
export function addVersion(all: Version[], versioning: Versioning, object: StoredObject): string | undefined {
  const versionId = begin(all, versioning)
  all.push({ key: object.key, versionId, modifiedAt: object.modifiedAt, object })
  return versioning === undefined ? undefined : versionId
}

/** In a versioned bucket a delete adds a marker and removes only a version `null` that the marker replaces. */
export function markDeleted(all: Version[], versioning: Versioning, key: string, now: number): Deletion {
  const versionId = begin(all, versioning)
  if (versioning === undefined) return { versionId: undefined, marker: false }
  all.push({ key, versionId, modifiedAt: now, object: undefined })
  return { versionId, marker: true }
}

function begin(all: Version[], versioning: Versioning): string {
  if (versioning === 'Enabled') return randomBytes(24).toString('base64url')
  const replaced = all.findIndex((one) => one.versionId === 'null')
  if (replaced !== -1) all.splice(replaced, 1)
  return 'null'
}
