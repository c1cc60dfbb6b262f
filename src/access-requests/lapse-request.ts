import { LATCHKEY } from '../audit/events.ts'
import { closeRequest, readRequest } from './access-request.ts'
import type { Deps } from './cancel-request.ts'
import { closeCommit } from './request-commits.ts'

/** Closes a pending request as `lapsed` once its `lapsesAt` has passed. Otherwise does nothing. */
export async function lapseRequest({ record }: Deps, requestId: string): Promise<void> {
  const stored = await readRequest(record, requestId)
  if (stored?.request.status !== 'pending') return
  const nowMs = await record.now()
  if (nowMs < Date.parse(stored.request.lapsesAt)) return
  const next = closeRequest(stored.request, 'lapsed', new Date(nowMs).toISOString())
  await record.commit(closeCommit(stored, next, [{ kind: 'request.lapsed', actor: LATCHKEY, requestId }]))
}
