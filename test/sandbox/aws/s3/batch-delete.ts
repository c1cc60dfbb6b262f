import { z } from 'zod'
import type { Outcome } from '../call.ts'
import { readPayload } from './body.ts'
import { deletePermission, signingContext } from './permissions.ts'
import { bucketOf, refusal, type Visit } from './visit.ts'
import { malformed, parseXml, xmlReply } from './xml.ts'

const DELETION = z.object({
  Object: z.array(z.object({ Key: z.string().min(1), VersionId: z.string().optional() })).min(1),
  Quiet: z.string().optional(),
})

/** "DeleteObjects": at most a thousand keys. */
const MOST_KEYS = 1000

/** What became of one key; CloudTrail writes a record for each. */
export interface DeletedKey {
  readonly key: string
  readonly error: { readonly code: string; readonly message: string } | undefined
}

/** Each key is authorised for itself: the answer is 200 even when every one was refused. */
export function deleteObjects(visit: Visit): Outcome {
  const { bucket = '', query } = visit.address
  const { request } = visit.call
  bucketOf(visit, bucket)
  const asked = parseXml(readPayload(request).body, 'Delete', DELETION)
  if (asked.Object.length > MOST_KEYS) throw malformed()
  const signing = signingContext(request, query, visit.core.clock.now())
  const deletedKeys = asked.Object.map(({ Key, VersionId }): DeletedKey => {
    const refused = refusal(visit, deletePermission(bucket, Key, VersionId, signing))
    if (refused !== undefined) return { key: Key, error: { code: refused.code, message: refused.message } }
    visit.store.delete(bucket, Key)
    return { key: Key, error: undefined }
  })
  const done = deletedKeys.filter(({ error }) => error === undefined)
  const reply = xmlReply('DeleteResult', {
    Deleted: asked.Quiet === 'true' ? [] : done.map(({ key }) => ({ Key: key })),
    Error: deletedKeys.flatMap(({ key, error }) =>
      error === undefined ? [] : [{ Key: key, Code: error.code, Message: error.message }],
    ),
  })
  return { reply, facts: { deletedKeys } }
}
