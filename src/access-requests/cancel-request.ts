import { byPerson } from '../audit/events.ts'
import { LatchkeyError } from '../errors.ts'
import type { Caller } from '../rules/caller.ts'
import { auditRefusals } from '../store/audit-refusal.ts'
import type { RecordPort } from '../store/record-store.ts'
import { againOnConflict } from '../store/retry.ts'
import { type AccessRequest, closeRequest, readRequest } from './access-request.ts'
import { alreadyClosed, closeCommit } from './request-commits.ts'

export interface Deps {
  readonly record: RecordPort
}

/**
 * The requester cancels a pending request.
 * @throws NOT_FOUND when the request is missing or another person's, CONFLICT when it is closed
 */
export async function cancelRequest({ record }: Deps, caller: Caller, requestId: string): Promise<AccessRequest> {
  return againOnConflict(async () => {
    const stored = await readRequest(record, requestId)
    if (!stored) throw new LatchkeyError('NOT_FOUND', { thing: 'request' })
    await auditRefusals(record, caller, { kind: 'cancel.refused', requestId }, () =>
      refuseUnlessOwnAndPending(stored.request, caller),
    )
    const next = closeRequest(stored.request, 'cancelled', new Date(await record.now()).toISOString())
    const event = { kind: 'request.cancelled', actor: byPerson(caller.objectId), requestId } as const
    await record.commit(closeCommit(stored, next, [event]))
    return next
  })
}

function refuseUnlessOwnAndPending(request: AccessRequest, caller: Caller): void {
  if (request.requester.objectId !== caller.objectId) throw new LatchkeyError('NOT_FOUND', { thing: 'request' })
  if (request.status !== 'pending') throw alreadyClosed(request)
}
