import { createHash } from 'node:crypto'
import { AwsError } from '../call.ts'
import type { Bucket } from '../state.ts'
import type { Checksum } from './checksum.ts'
import {
  addVersion,
  type Deletion,
  latest,
  markDeleted,
  type ObjectKms,
  type StoredObject,
  type Version,
} from './version-list.ts'

/** Objects, their versions and unfinished uploads, in memory. The account's state holds the buckets (owner, Region, policy). */

export interface UploadedPart {
  readonly body: Buffer
  readonly etag: string
  readonly modifiedAt: number
  readonly checksum: Checksum | undefined
}

export interface Upload {
  readonly id: string
  readonly bucket: string
  readonly key: string
  readonly startedAt: number
  readonly headers: Readonly<Record<string, string>>
  readonly tags: ReadonlyMap<string, string>
  readonly kms: ObjectKms | undefined
  readonly parts: Map<number, UploadedPart>
}

export interface Store {
  /** Returns the newest or the named version; undefined when there is none or it is a delete marker. */
  get(bucket: string, key: string, versionId?: string): StoredObject | undefined
  /** As `get`, but returns delete markers too. */
  version(bucket: string, key: string, versionId?: string): Version | undefined
  /** Returns the id of the new version; undefined if the bucket never had versioning. */
  put(bucket: string, object: StoredObject): string | undefined
  /** Replaces the tags of the same version. */
  retag(bucket: string, version: Version, tags: ReadonlyMap<string, string>): void
  delete(bucket: string, key: string, now: number, versionId?: string): Deletion
  /** In S3's order: by the UTF-8 bytes of the key. */
  list(bucket: string, prefix: string): readonly StoredObject[]
  /** Keys in S3's order; the newest version of each key first. */
  versions(bucket: string, prefix: string): readonly Version[]
  begin(upload: Upload): void
  upload(bucket: string, key: string, id: string): Upload
  uploads(bucket: string): readonly Upload[]
  forget(id: string): void
}

export function memoryStore(buckets: ReadonlyMap<string, Bucket>): Store {
  const held = new Map<string, Map<string, Version[]>>()
  const uploads = new Map<string, Upload>()

  function of(bucket: string): Map<string, Version[]> {
    const keys = held.get(bucket) ?? new Map<string, Version[]>()
    held.set(bucket, keys)
    return keys
  }

  /** The versions of one key, oldest first. */
  function chain(bucket: string, key: string): Version[] {
    const found = of(bucket).get(key) ?? []
    of(bucket).set(key, found)
    return found
  }

  function version(bucket: string, key: string, versionId?: string): Version | undefined {
    const all = of(bucket).get(key) ?? []
    return versionId === undefined ? latest(all) : all.find((one) => one.versionId === versionId)
  }

  function inOrder(bucket: string, prefix: string): Version[][] {
    return [...of(bucket)]
      .filter(([key, all]) => key.startsWith(prefix) && all.length > 0)
      .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
      .map(([, all]) => all)
  }

  return {
    get: (bucket, key, versionId) => version(bucket, key, versionId)?.object,
    version,
    put: (bucket, object) => addVersion(chain(bucket, object.key), buckets.get(bucket)?.versioning, object),
    retag(bucket, { key, versionId, object }, tags) {
      const all = chain(bucket, key)
      const at = all.findIndex((one) => one.versionId === versionId)
      const changed = all[at]
      if (changed !== undefined && object !== undefined) all[at] = { ...changed, object: { ...object, tags } }
    },
    delete(bucket, key, now, versionId) {
      const all = chain(bucket, key)
      const { versioning } = buckets.get(bucket) ?? {}
      if (versionId === undefined) return markDeleted(all, versioning, key, now)
      const at = all.findIndex((one) => one.versionId === versionId)
      const [gone] = at === -1 ? [] : all.splice(at, 1)
      return { versionId, marker: gone !== undefined && gone.object === undefined }
    },
    list: (bucket, prefix) => inOrder(bucket, prefix).flatMap((all) => latest(all)?.object ?? []),
    versions: (bucket, prefix) => inOrder(bucket, prefix).flatMap((all) => all.toReversed()),
    begin: (upload) => void uploads.set(upload.id, upload),
    upload(bucket, key, id) {
      const upload = uploads.get(id)
      if (upload === undefined || upload.bucket !== bucket || upload.key !== key) {
        throw new AwsError(
          'NoSuchUpload',
          404,
          'The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.',
        )
      }
      return upload
    },
    uploads: (bucket) => [...uploads.values()].filter((upload) => upload.bucket === bucket),
    forget: (id) => void uploads.delete(id),
  }
}

export function md5Etag(body: Buffer): string {
  return `"${createHash('md5').update(body).digest('hex')}"`
}
