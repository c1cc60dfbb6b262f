import { type DenyOutcome, denySessions } from './deny-sessions.ts'
import type { Grant } from './grant.ts'
import type { DenyNeeds } from './keep-deny.ts'
import { readTargets } from './on-target.ts'
import { policyNameOf, targetOf } from './target.ts'
import { findYesFault } from './yes.ts'

/**
 * Makes AWS stop allowing one grant, and sees that it does. What a grant that was tampered with says of its holder is not believed: its policy is
 * taken from everybody who could have it, and its sessions are denied on every role. One that fails does not keep the others waiting.
 */
export async function takeAway(needs: DenyNeeds, grant: Grant): Promise<DenyOutcome> {
  const { principal } = grant.terms
  const isTrue = findYesFault(needs.approvalKey, grant.id, { ...grant, status: 'revoking' }) === undefined
  if (isTrue && principal.driver === 'session') return await denySessions(needs, grant)
  const targets = isTrue && principal.driver === 'attach' ? [targetOf(principal)] : await readTargets(needs)
  const detached = targets.map((target) => needs.driver.detach(target, policyNameOf(grant.id), 'early-revoke'))
  const [denied, ...outcomes] = await Promise.allSettled([
    isTrue ? 'done' : denySessions(needs, grant),
    ...detached,
  ] as const)
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
  if (denied.status === 'rejected') throw denied.reason
  return denied.value
}
