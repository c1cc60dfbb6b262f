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

/** What an ask carries that would let a live grant go on: its principal is known, and proven to be good. */
export interface Extending {
  readonly grantId: string
  readonly principal: Principal
  readonly endsAt: string
}

/** The duration counts from the yes, as ever: what would not be longer is not asked of anybody. */
export function refuseShorter({ endsAt }: Pick<Extending, 'endsAt'>, durationMinutes: number, nowMs: number): void {
  if (nowMs + durationMinutes * 60_000 > Date.parse(endsAt)) return
  throw new LatchkeyError('BAD_INPUT', {
    problem: `This grant lasts until ${endsAt.slice(11, 16)} UTC already. Ask for a duration that reaches beyond that, counted from now.`,
  })
}

/** The same asked twice would be decided twice. Best effort: two that come at the same moment both pass, and neither gives more than it says. */
export async function refuseAskedAlready(
  record: RecordPort,
  requester: string,
  { grantId, thread }: Pick<Extending, 'grantId'> & { readonly thread: Thread | undefined },
  durationMinutes: number,
): Promise<void> {
  // Of a line that is delivered again the commit tells.
  if (thread?.said !== undefined && (await record.list(SAID, thread.said, { limit: 1 })).length > 0) return
  const pending = await readRequests(record, await record.list(PENDING_OF, requester, { limit: MOST_PENDING }))
  const same = pending.find(
    ({ request }) =>
      request.status === 'pending' && request.extends === grantId && request.durationMinutes === durationMinutes,
  )
  if (!same) return
  throw new LatchkeyError('CONFLICT', { thing: 'request', outcome: 'pending', id: same.request.id })
}
