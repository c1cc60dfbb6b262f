import { LatchkeyError } from '../errors.ts'
import type { Principal } from '../grants/principal.ts'
import { PENDING_OF, SAID } from '../store/indexes.ts'
import type { RecordPort } from '../store/record-store.ts'
import { readRequests } from './access-request.ts'
import { MOST_PENDING } from './request-limits.ts'
import type { Thread } from './request-messages.ts'

export interface Deps {
  readonly record: RecordPort
  readonly approvalKey: string
}

/** The grant that a request would extend. Its principal needs no preflight, because AWS allows it already. */
export interface Extending {
  readonly grantId: string
  readonly principal: Principal
  /** ISO 8601. */
  readonly endsAt: string
}

/**
 * The duration of an extension counts from its approval, like every duration.
 * @throws BAD_INPUT when the grant would not end later than it does now
 */
export function refuseShorter({ endsAt }: Pick<Extending, 'endsAt'>, durationMinutes: number, nowMs: number): void {
  if (nowMs + durationMinutes * 60_000 > Date.parse(endsAt)) return
  throw new LatchkeyError('BAD_INPUT', {
    problem: `This grant lasts until ${endsAt.slice(11, 16)} UTC already. Ask for a duration that reaches beyond that, counted from now.`,
  })
}

/**
 * Refuses a second pending request for the same extension, so that approvers do not decide it twice. Best effort: two
 * requests at the same moment both pass, and neither gives more than it says.
 * @throws CONFLICT
 */
export async function refuseAskedAlready(
  record: RecordPort,
  requester: string,
  { grantId, thread }: Pick<Extending, 'grantId'> & { readonly thread: Thread | undefined },
  durationMinutes: number,
): Promise<void> {
  // The message was delivered again. The commit then refuses it as `ASKED_ALREADY`.
  if (thread?.said !== undefined && (await record.list(SAID, thread.said, { limit: 1 })).length > 0) return
  const pending = await readRequests(record, await record.list(PENDING_OF, requester, { limit: MOST_PENDING }))
  const same = pending.find(
    ({ request }) =>
      request.status === 'pending' && request.extends === grantId && request.durationMinutes === durationMinutes,
  )
  if (!same) return
  throw new LatchkeyError('CONFLICT', { thing: 'request', outcome: 'pending', id: same.request.id })
}
