import { randomBytes } from 'node:crypto'
import type { Bucket } from '../state.ts'
import type { Deletion, StoredObject } from './store.ts'

/** The versions of one key, oldest first (S3 User Guide, "Retaining multiple versions of objects"). */

export interface Version {
  readonly key: string
  /** `null` where it was made while the bucket was not versioned, or versioning was suspended. */
  readonly versionId: string
  readonly modifiedAt: number
  /** Undefined: a delete marker. */
  readonly object: StoredObject | undefined
}

type Versioning = Bucket['versioning']

export function latest(all: readonly Version[]): Version | undefined {
  return all.at(-1)
}

/** Without versioning, or with it suspended, the one version `null` is replaced. */
export function addVersion(all: Version[], versioning: Versioning, object: StoredObject): string | undefined {
  const versionId = begin(all, versioning)
  all.push({ key: object.key, versionId, modifiedAt: object.modifiedAt, object })
  return versioning === undefined ? undefined : versionId
}

/** In a versioned bucket a delete puts a marker on top, and takes nothing away but a version `null` that it replaces. */
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
