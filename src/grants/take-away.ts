import { type DenyOutcome, denySessions } from './deny-sessions.ts'
import type { Grant } from './grant.ts'
import type { DenyNeeds } from './keep-deny.ts'
import { policyNameOf, targetOf } from './target.ts'
import { findYesFault } from './yes.ts'

/** Makes AWS stop allowing one grant, and sees that it does. */
export async function takeAway(needs: DenyNeeds, grant: Grant): Promise<DenyOutcome> {
  const { principal } = grant.terms
  const isTrue = findYesFault(needs.approvalKey, grant.id, { ...grant, status: 'revoking' }) === undefined
  if (isTrue && principal.driver === 'session') return await denySessions(needs, grant)
  // What a grant that was tampered with says of its holder is not believed.
  const targets = isTrue && principal.driver === 'attach' ? [targetOf(principal)] : needs.driver.targets()
  for (const target of targets) await needs.driver.detach(target, policyNameOf(grant.id))
  return isTrue ? 'done' : await denySessions(needs, grant)
}
