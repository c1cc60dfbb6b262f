import { setTimeout as delay } from 'node:timers/promises'
import { settleAll } from '../../async.ts'
import { REVOKING } from '../../store/indexes.ts'
import { type CheckedGrant, isBelieved, readGenuineGrants } from '../genuine-grant.ts'
import { denyId, denyRoleOf, type SessionPrincipal, sessionUserId } from '../principal.ts'
import { covers, type DenyList, deniedUntil, documentOf, readDenyList, unknownUntil } from './deny-list.ts'
import { eachFormerRole } from './former-roles.ts'
import { type DenyDeps, reconcileDenyList } from './reconcile-deny-list.ts'

/** As many as one document can hold. */
const MOST_WAITING = 150
/** Early ends come in crowds: a write waits until nobody new has come for a breath, and for so many breaths at most. */
const BATCH_WINDOW_MS = 100
const BATCH_WINDOWS_MAX = 10

/** `done`: AWS was read back and holds the grant's id. `busy`: somebody else writes such a role now. */
export type DenyOutcome = 'done' | 'busy'

/**
 * Makes AWS refuse the sessions of this grant and of every other that waits on its role, in one write, and reads it back: n early ends at once
 * cost one write per role, not n. What a grant that was tampered with says of its role and its time is not believed: it is denied on every role,
 * as long as a grant could be needed, because a true copy of it may be put back. A role that fails does not keep the others waiting.
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
  // By account: one that AWS does not answer for must not hide the roles of the others.
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

/** The write of another grant may have carried this one along. The record alone is not believed: only what AWS reads back is said. */
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

/** The index only adds company. Of a grant that does not add up, nothing is taken: its own job denies it. */
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
