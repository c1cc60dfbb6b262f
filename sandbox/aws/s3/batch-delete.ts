import { z } from 'zod'
import type { Outcome } from '../call.ts'
import { readPayload } from './body.ts'
import { deletePermission, signingContext } from './permissions.ts'
import type { Deletion } from './version-list.ts'
import { bucketOf, refusal, type Visit } from './visit.ts'
import { type Element, malformed, parseXml, xmlReply } from './xml.ts'

const DELETION = z.object({
  Object: z.array(z.object({ Key: z.string().min(1), VersionId: z.string().optional() })).min(1),
  Quiet: z.string().optional(),
})

/** A batch has at most a thousand keys ("DeleteObjects"). */
const MOST_KEYS = 1000

/** The result for one key. CloudTrail writes a record for each. */
export interface DeletedKey {
  readonly key: string
  /** The version id in the request. */
  readonly versionId: string | undefined
  readonly gone: Deletion | undefined
  readonly error: { readonly code: string; readonly message: string } | undefined
}

/** Authorises each key separately. The answer is 200 even when every key was refused. */
export function deleteObjects(visit: Visit): Outcome {
  const { bucket = '', query } = visit.address
  const { request } = visit.call
  bucketOf(visit, bucket)
  const asked = parseXml(readPayload(request).body, 'Delete', DELETION)
  if (asked.Object.length > MOST_KEYS) throw malformed()
  const signing = signingContext(request, query, visit.core.clock.now())
  const deletedKeys = asked.Object.map(({ Key, VersionId }): DeletedKey => {
    const refused = refusal(visit, deletePermission(bucket, Key, VersionId, signing))
    const asked = { key: Key, versionId: VersionId }
    if (refused !== undefined) {
      return { ...asked, gone: undefined, error: { code: refused.code, message: refused.message } }
    }
    return { ...asked, gone: visit.store.delete(bucket, Key, visit.core.clock.now(), VersionId), error: undefined }
  })
  const done = deletedKeys.filter(({ error }) => error === undefined)
  const reply = xmlReply('DeleteResult', {
    Deleted: asked.Quiet === 'true' ? [] : done.map(deletedXml),
    Error: deletedKeys.flatMap(({ key, versionId, error }) =>
      error === undefined ? [] : [{ Key: key, VersionId: versionId, Code: error.code, Message: error.message }],
    ),
  })
  return { reply, facts: { deletedKeys } }
}

function deletedXml({ key, versionId, gone }: DeletedKey): Element {
  const marker = gone?.marker ? { DeleteMarker: true, DeleteMarkerVersionId: gone.versionId } : {}
  return { Key: key, VersionId: versionId, ...marker }
}
