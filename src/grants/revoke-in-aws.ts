import { setTimeout as delay } from 'node:timers/promises'
import { listEntities } from './attach/find-on-entity.ts'
import { type CheckedGrant, isBelieved } from './genuine-grant.ts'
import { entityOf, policyNameOf } from './iam-entity.ts'
import { type DenyOutcome, denySessions } from './session/deny-sessions.ts'
import type { DenyDeps } from './session/reconcile-deny-list.ts'

/**
 * While another process writes the Deny document, that write may already include this grant. Waiting for it avoids a
 * retry of the job, which would detach the policy again.
 */
const WAIT_MS = 250
const MOST_WAITS = 20

/**
 * Revokes one grant in AWS and verifies it. The principal of a grant that is not `isBelieved` is ignored: its policy is
 * detached from every IAM entity that could have it, and its sessions are denied on every role. A failure on one entity
 * or role does not stop the others.
 */
export async function revokeInAws(deps: DenyDeps, stored: CheckedGrant): Promise<DenyOutcome> {
  const { grant } = stored
  const { principal } = grant.terms
  const believed = isBelieved(stored)
  if (believed && principal.driver === 'session') return await denySessions(deps, stored)
  const entities = believed && principal.driver === 'attach' ? [entityOf(principal)] : await listEntities(deps)
  const detaching = Promise.allSettled(
    entities.map((entity) => deps.driver.detach(entity, policyNameOf(grant.id), 'early-revoke')),
  )
  // Detaching ends the access, so it comes before the Deny document, which only records the end.
  // A grant that is not believed may have sessions, so its denial does not wait.
  if (believed) await detaching
  const [denied] = await Promise.allSettled([believed ? denyEndedId(deps, stored) : denySessions(deps, stored)])
  for (const outcome of await detaching) if (outcome.status === 'rejected') throw outcome.reason
  if (denied.status === 'rejected') throw denied.reason
  return denied.value
}

/**
 * Records the early end in the Deny document. A record that is restored from a backup has forgotten the end, so
 * activation checks the document.
 */
async function denyEndedId(deps: DenyDeps, stored: CheckedGrant): Promise<DenyOutcome> {
  for (let waits = 0; ; waits += 1) {
    const outcome = await denySessions(deps, stored)
    if (outcome === 'done' || waits === MOST_WAITS) return outcome
    await delay(WAIT_MS)
  }
}
