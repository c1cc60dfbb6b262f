import { LatchkeyError } from '../errors.ts'
import { DENY_IDS_PER_ROLE } from '../policies/deny-document.ts'
import type { IndexChange, Limit } from '../store/commit.ts'
import { ON_ROLE } from '../store/indexes.ts'
import type { RecordPort } from '../store/record-store.ts'
import { denyId, denyRoleOf, type Principal } from './principal.ts'

/** @param untilMs The time, in ms since 1970, from which the request or grant can no longer need its id. */
export function holdDenySlot(principal: Principal, id: string, untilMs: number): readonly IndexChange[] {
  return [{ ...slotIndex(principal), id, at: untilMs }]
}

export function freeDenySlot(principal: Principal, id: string): readonly IndexChange[] {
  return [{ ...slotIndex(principal), id, at: null }]
}

export function denySlotLimits(principal: Principal, nowMs: number): readonly Limit[] {
  return [{ ...slotIndex(principal), since: nowMs, atMost: DENY_IDS_PER_ROLE, otherwise: roleIsFull() }]
}

/**
 * The first principal with a free deny slot. Two requests may find the same last slot: `denySlotLimits` then refuses
 * the second commit.
 * @throws QUOTA_FULL
 */
export async function pickReplica(
  record: RecordPort,
  principals: readonly [Principal, ...Principal[]],
  nowMs: number,
): Promise<Principal> {
  for (const principal of principals) {
    const { kind, value } = slotIndex(principal)
    const held = await record.list(kind, value, { from: nowMs + 1, limit: DENY_IDS_PER_ROLE })
    if (held.length < DENY_IDS_PER_ROLE) return principal
  }
  throw roleIsFull()
}

function slotIndex(principal: Principal) {
  return { kind: ON_ROLE, value: denyListKey(principal) }
}

function roleIsFull(): LatchkeyError {
  return new LatchkeyError('QUOTA_FULL', {
    quota: `The elevation role of this account (${DENY_IDS_PER_ROLE} requests and grants at once, on each of its copies)`,
    next: 'Try again when some of them are over, or have the owner add a copy of the role.',
  })
}

/** The id of the deny list for this principal. One write to AWS denies all waiting grants with the same key. */
export function denyListKey(principal: Principal): string {
  return denyId(denyRoleOf(principal))
}
