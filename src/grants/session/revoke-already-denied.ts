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
/** Ids only; far more than can be live at once. */
const MOST_LIVE = 1_000_000

const ENDED_BEFORE = 'AWS already denies this grant; the record is older than its end.'

/**
 * AWS denies it, and the record calls it live: the record is older than the end, or somebody denied it by hand. It stays ended.
 * @returns when each id that AWS holds may leave, of those whose yes the record holds: a write whose answer was lost names them before we do.
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
 * Before a policy is written: nothing in AWS refuses what a grant of the driver `attach` allows, so its early end is looked for.
 * @returns whether it had ended; then its end is on record again
 */
export async function revokeIfDenied(
  { record, driver }: { readonly record: RecordPort; readonly driver: SessionOperations },
  stored: CheckedGrant,
): Promise<boolean> {
  const { id, terms } = stored.grant
  if (terms.principal.driver === 'session') return false
  const role = denyRoleOf(terms.principal)
  const held = await driver.readDeny(role)
  // Somebody took the document away: nobody knows what it said, until a round has put it back.
  if (!held) throw new LatchkeyError('UNAVAILABLE', { what: 'AWS', retryAfterSeconds: 5 })
  if (!held.denied.includes(sessionUserId(role, id))) return false
  await revokeUnlessMoved(record, stored, ENDED_BEFORE)
  return true
}

/**
 * Grants of the driver `attach` that a record of another epoch brought along: AWS keeps no list of those that ended on time, so whether one had ended
 * nobody knows. What still waits for its activation must not come back; what was active has nothing left in AWS.
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
    // It moved meanwhile; whoever moved it, or the next round, sees to it.
    if (!isLostRace(error)) throw error
  }
}
