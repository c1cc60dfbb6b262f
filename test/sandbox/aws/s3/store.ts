import { createHash } from 'node:crypto'
import { AwsError } from '../call.ts'
import type { Checksum } from './checksum.ts'

/** Objects and unfinished uploads, in memory. Buckets themselves (owner, region, policy) belong to the account's state. */

export interface StoredObject {
  readonly key: string
  readonly body: Buffer
  readonly etag: string
  /** By the sandbox's clock. */
  readonly modifiedAt: number
  /** Headers that are given back: content-type, x-amz-meta-…, cache-control and their like. */
  readonly headers: Readonly<Record<string, string>>
  readonly tags: ReadonlyMap<string, string>
  readonly checksum: Checksum | undefined
}

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
  readonly parts: Map<number, UploadedPart>
}

export interface Store {
  get(bucket: string, key: string): StoredObject | undefined
  put(bucket: string, object: StoredObject): void
  delete(bucket: string, key: string): void
  /** In the order of S3: by the bytes of the key in UTF-8. */
  list(bucket: string, prefix: string): readonly StoredObject[]
  begin(upload: Upload): void
  upload(bucket: string, key: string, id: string): Upload
  uploads(bucket: string): readonly Upload[]
  forget(id: string): void
}

export function memoryStore(): Store {
  const objects = new Map<string, Map<string, StoredObject>>()
  const uploads = new Map<string, Upload>()

  function of(bucket: string): Map<string, StoredObject> {
    const held = objects.get(bucket) ?? new Map<string, StoredObject>()
    objects.set(bucket, held)
    return held
  }

  return {
    get: (bucket, key) => of(bucket).get(key),
    put: (bucket, object) => void of(bucket).set(object.key, object),
    delete: (bucket, key) => void of(bucket).delete(key),
    list: (bucket, prefix) =>
      [...of(bucket).values()]
        .filter(({ key }) => key.startsWith(prefix))
        .sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key))),
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
