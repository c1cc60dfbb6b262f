import { LATCHKEY } from '../../audit/events.ts'
import { LatchkeyError } from '../../errors.ts'
import { LIVE } from '../../store/indexes.ts'
import type { RecordPort } from '../../store/record-store.ts'
import { isLostRace } from '../../store/retry.ts'
import { beginRevoke } from '../begin-revoke.ts'
import type { SessionOperations } from '../driver.ts'
import { type CheckedGrant, isBelieved, readGenuineGrants } from '../genuine-grant.ts'
import { type Grant, isOver } from '../grant.ts'
import { denyRoleOf, type SessionPrincipal, sessionUserId } from '../principal.ts'
import { type DenyList, deniedUntil } from './deny-list.ts'

interface Deps {
  readonly record: RecordPort
  readonly approvalKey: string
}

const PAGE = 500
/** Far more grants than can be live at once. Only their ids are listed. */
const MOST_LIVE = 1_000_000

const ENDED_BEFORE = 'AWS already denies this grant; the record is older than its end.'

/**
 * Revokes the grants that AWS denies and the record calls live. Either the record is older than their end, or their id
 * was added by hand.
 * @returns the ids in AWS whose grant is believed, with the time from which each may leave. After a write whose
 * response was lost, the record does not list them yet.
 */
export async function revokeAlreadyDenied(
  deps: Deps,
  principal: SessionPrincipal,
  held: readonly string[],
): Promise<DenyList['denied']> {
  const ids = held.map((userid) => userid.slice(userid.indexOf(':') + 1))
  const stored = await readGenuineGrants(deps, ids)
  const found = stored.filter(({ grant }) => held.includes(sessionUserId(principal, grant.id)))
  const live = found.filter(({ grant }) => isLive(grant))
  for (const one of live) await revokeUnlessMoved(deps.record, one, ENDED_BEFORE)
  return found
    .filter(isBelieved)
    .map(({ grant: { id, terms } }) => ({ userid: sessionUserId(principal, id), until: deniedUntil(terms) }))
}

/**
 * Checks before a policy is attached whether the Deny document says that the grant ended early. The check is needed
 * because no Deny applies to the access of a grant of the driver `attach`.
 * @returns whether the grant had ended; the record then says so again
 * @throws UNAVAILABLE when there is no Deny document
 */
export async function revokeIfDenied(
  { record, driver }: { readonly record: RecordPort; readonly driver: SessionOperations },
  stored: CheckedGrant,
): Promise<boolean> {
  const { id, terms } = stored.grant
  if (terms.principal.driver === 'session') return false
  const role = denyRoleOf(terms.principal)
  const held = await driver.readDeny(role)
  // The document was deleted in AWS. Its ids are unknown until the next round has restored it.
  if (!held) throw new LatchkeyError('UNAVAILABLE', { what: 'AWS', retryAfterSeconds: 5 })
  if (!held.denied.includes(sessionUserId(role, id))) return false
  await revokeUnlessMoved(record, stored, ENDED_BEFORE)
  return true
}

/**
 * Revokes the live grants of the driver `attach` in a record of another epoch. AWS has no list of those that expired,
 * so it is unknown which had ended. A waiting grant must not be activated, and an active one has lost its policy.
 */
export async function revokeOlderThanRecord(deps: Deps, account: string): Promise<void> {
  const { record } = deps
  const ids = await record.list(LIVE.kind, LIVE.value, { limit: MOST_LIVE })
  for (let from = 0; from < ids.length; from += PAGE) {
    const older = (await readGenuineGrants(deps, ids.slice(from, from + PAGE)))
      .filter(({ grant: { terms } }) => terms.principal.driver === 'attach' && terms.principal.account === account)
      .filter(({ grant }) => isLive(grant))
    for (const stored of older)
      await revokeUnlessMoved(record, stored, 'The record was emptied or put back from a copy. Ask again.')
  }
}

function isLive(grant: Grant): boolean {
  return !isOver(grant) && grant.status !== 'revoking'
}

async function revokeUnlessMoved(record: RecordPort, stored: CheckedGrant, detail: string): Promise<void> {
  try {
    await beginRevoke(record, stored, { cause: 'ended-before', actor: LATCHKEY, detail })
  } catch (error) {
    // The process that changed the record, or the next round, handles the grant.
    if (!isLostRace(error)) throw error
  }
}
