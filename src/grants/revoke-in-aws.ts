import { setTimeout as delay } from 'node:timers/promises'
import { listEntities } from './attach/find-on-entity.ts'
import { type CheckedGrant, isBelieved } from './genuine-grant.ts'
import { entityOf, policyNameOf } from './iam-entity.ts'
import { type DenyOutcome, denySessions } from './session/deny-sessions.ts'
import type { DenyDeps } from './session/reconcile-deny-list.ts'

/** The write that carries this end along may be under way; to come again later would be to take the policy away again. */
const WAIT_MS = 250
const MOST_WAITS = 20

/**
 * Makes AWS stop allowing one grant, and sees that it does. What a grant that was tampered with says of its holder is not believed: its policy is
 * taken from everybody who could have it, and its sessions are denied on every role. One that fails does not keep the others waiting.
 */
export async function revokeInAws(deps: DenyDeps, stored: CheckedGrant): Promise<DenyOutcome> {
  const { grant } = stored
  const { principal } = grant.terms
  const isTrue = isBelieved(stored)
  if (isTrue && principal.driver === 'session') return await denySessions(deps, stored)
  const targets = isTrue && principal.driver === 'attach' ? [entityOf(principal)] : await listEntities(deps)
  const detaching = Promise.allSettled(
    targets.map((target) => deps.driver.detach(target, policyNameOf(grant.id), 'early-revoke')),
  )
  // Access ends first, what AWS remembers of it comes after. Sessions that nobody can exclude do not wait for either.
  if (isTrue) await detaching
  const [denied] = await Promise.allSettled([isTrue ? denyEndedId(deps, stored) : denySessions(deps, stored)])
  for (const outcome of await detaching) if (outcome.status === 'rejected') throw outcome.reason
  if (denied.status === 'rejected') throw denied.reason
  return denied.value
}

/** The record alone would forget the end where it is put back from a copy: activation looks for this. */
async function denyEndedId(deps: DenyDeps, stored: CheckedGrant): Promise<DenyOutcome> {
  for (let waits = 0; ; waits += 1) {
    const outcome = await denySessions(deps, stored)
    if (outcome === 'done' || waits === MOST_WAITS) return outcome
    await delay(WAIT_MS)
  }
}
