import { LATCHKEY } from '../audit/events.ts'
import { macVersionOf } from '../mac.ts'
import type { Rules } from '../rules/rules.ts'
import type { RecordPort } from '../store/record-store.ts'
import { type AccessRequest, closeRequest, readRequest } from './access-request.ts'
import { closeCommit } from './request-commits.ts'

export interface LapseDeps {
  readonly record: RecordPort
  readonly rules: Pick<Rules, 'entitlements'>
}

/**
 * When a pending request lapses, in ms since 1970. A MAC of version 1 does not cover `lapsesAt`, so the rules limit it
 * too: a writer to Redis could have moved it.
 */
export function lapseTime({ rules }: Pick<LapseDeps, 'rules'>, request: AccessRequest): number {
  const lapsesAtMs = Date.parse(request.lapsesAt)
  if (macVersionOf(request.mac) !== 1) return lapsesAtMs
  const entitlement = rules.entitlements.find(({ name }) => name === request.entitlement)
  return Math.min(lapsesAtMs, Date.parse(request.askedAt) + (entitlement?.lapseAfterMinutes ?? 0) * 60_000)
}

/** Closes a pending request as `lapsed` once its time has passed. Otherwise does nothing. */
export async function lapseRequest(deps: LapseDeps, requestId: string): Promise<void> {
  const { record } = deps
  const stored = await readRequest(record, requestId)
  if (stored?.request.status !== 'pending') return
  const nowMs = await record.now()
  if (nowMs < lapseTime(deps, stored.request)) return
  const next = closeRequest(stored.request, 'lapsed', new Date(nowMs).toISOString())
  await record.commit(closeCommit(stored, next, [{ kind: 'request.lapsed', actor: LATCHKEY, requestId }]))
}
