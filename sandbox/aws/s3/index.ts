import type { ServiceHandler } from '../call.ts'
import type { SandboxCore } from '../core.ts'
import { s3Handler } from './handler.ts'
import { keptHeaders } from './objects.ts'
import { md5Etag, memoryStore } from './store.ts'
import type { Version } from './version-list.ts'

/** What a test can do to stored objects without a call, authorisation or record. */
export interface SandboxS3 {
  createBucket(name: string, options?: { readonly region?: string; readonly account?: string }): void
  put(bucket: string, key: string, body: string | Buffer, tags?: Readonly<Record<string, string>>): void
  read(bucket: string, key: string): Buffer | undefined
  keys(bucket: string): readonly string[]
  /** The newest version first. A delete marker has no object. */
  versions(bucket: string, key: string): readonly Version[]
}

export function createS3(core: SandboxCore): { readonly handler: ServiceHandler; readonly s3: SandboxS3 } {
  const store = memoryStore(core.state.buckets)
  const s3: SandboxS3 = {
    createBucket(name, { region = core.state.region, account = core.state.account } = {}) {
      core.state.buckets.set(name, { name, region, account, policy: undefined })
    },
    put(bucket, key, content, tags = {}) {
      const body = Buffer.from(content)
      const modifiedAt = core.clock.now()
      const seeded = { headers: keptHeaders({}), tags: new Map(Object.entries(tags)), checksum: undefined }
      store.put(bucket, { key, body, etag: md5Etag(body), modifiedAt, ...seeded })
    },
    read: (bucket, key) => store.get(bucket, key)?.body,
    versions: (bucket, key) => store.versions(bucket, key).filter((one) => one.key === key),
    keys: (bucket) => store.list(bucket, '').map(({ key }) => key),
  }
  return { handler: s3Handler(core, store), s3 }
}
