import { setTimeout as delay } from 'node:timers/promises'
import { settleAll } from '../../async.ts'
import { DENY_IDS_PER_ROLE } from '../../policies/deny-document.ts'
import { REVOKING } from '../../store/indexes.ts'
import { type CheckedGrant, isBelieved, readGenuineGrants } from '../genuine-grant.ts'
import { denyId, denyRoleOf, type SessionPrincipal, sessionUserId } from '../principal.ts'
import { covers, type DenyList, deniedUntil, documentOf, readDenyList, unknownUntil } from './deny-list.ts'
import { eachFormerRole } from './former-roles.ts'
import { type DenyDeps, reconcileDenyList } from './reconcile-deny-list.ts'

/** Most early revokes in one batch. */
const MOST_WAITING = DENY_IDS_PER_ROLE
/** Batches early revokes: waits until none arrived for 100 ms, at most 10 times. */
const BATCH_WINDOW_MS = 100
const BATCH_WINDOWS_MAX = 10

/** `done`: verified that AWS denies the grant's id. `busy`: another process is writing the Deny document. */
export type DenyOutcome = 'done' | 'busy'

/**
 * Makes AWS deny the sessions of this grant, and of all other grants that are being revoked on its role, and verifies
 * it. So n early ends at once cost one write per role, not n.
 * The recorded role and times of a grant that is not `isBelieved` are ignored. It is denied on every role until
 * `unknownUntil`, because a genuine version of it may be restored. A failure on one role does not stop the others.
 */
export async function denySessions(deps: DenyDeps, stored: CheckedGrant): Promise<DenyOutcome> {
  const { grant } = stored
  if (isBelieved(stored)) {
    const role = denyRoleOf(grant.terms.principal)
    return await denyOn(deps, role, { userid: sessionUserId(role, grant.id), until: deniedUntil(grant.terms) })
  }
  const until = unknownUntil(deps.rules, await deps.record.now())
  const denyThere = (one: SessionPrincipal) =>
    denyOn(deps, one, { userid: sessionUserId(one, grant.id), until, unexplained: true })
  // Each account is asked for its roles by itself, so that a failure in one does not hide the roles of the others.
  const { driver, rules } = deps
  const onNamed = async (name: string) => await settleAll(await driver.principals(name), denyThere)
  const outcomes = await settleAll(
    [...rules.accounts.keys()].flatMap((name) => [onNamed(name), eachFormerRole(deps, name, denyThere)]),
    (outcome) => outcome,
  )
  return outcomes.flat().includes('busy') ? 'busy' : 'done'
}

async function denyOn(
  deps: DenyDeps,
  principal: SessionPrincipal,
  own: DenyList['denied'][number],
): Promise<DenyOutcome> {
  if (await isDenied(deps, principal, own)) return 'done'
  const added = async () => [own, ...(await waitingOn(deps, principal))]
  return (await reconcileDenyList(deps, principal, { added })) === 'kept' ? 'done' : 'busy'
}

/** Whether AWS denies this id already, by the write for another grant. The record is not believed alone: AWS is read. */
async function isDenied(
  { record, driver, approvalKey }: DenyDeps,
  principal: SessionPrincipal,
  own: DenyList['denied'][number],
): Promise<boolean> {
  const { value: known } = await readDenyList(record, approvalKey, denyId(principal))
  const entry = known?.denied.find(({ userid }) => userid === own.userid)
  if (!known || !entry || (entry.unexplained && !own.unexplained)) return false
  return covers(await driver.readDeny(principal), { ...documentOf(known), denied: [own.userid] })
}

/**
 * The other grants that are being revoked on this role. The index only suggests ids: each grant is read and checked. A
 * grant that is not `isBelieved` is left to its own job.
 */
async function waitingOn(deps: DenyDeps, principal: SessionPrincipal): Promise<DenyList['denied']> {
  const stored = await readGenuineGrants(deps, await collectBatch(deps.record, denyId(principal)))
  return stored
    .filter((one) => one.grant.status === 'revoking' && isBelieved(one))
    .map(({ grant }) => grant)
    .filter(({ terms }) => denyRoleOf(terms.principal).roleId === principal.roleId)
    .map((grant) => ({ userid: sessionUserId(principal, grant.id), until: deniedUntil(grant.terms) }))
}

async function collectBatch(record: DenyDeps['record'], role: string): Promise<readonly string[]> {
  const waiting = () => record.list(REVOKING, role, { limit: MOST_WAITING })
  let ids = await waiting()
  for (let windows = 0; windows < BATCH_WINDOWS_MAX && ids.length < MOST_WAITING; windows += 1) {
    await delay(BATCH_WINDOW_MS)
    const before = ids.length
    ids = await waiting()
    if (ids.length === before) break
  }
  return ids
}
