import { randomUUID } from 'node:crypto'
import { settleAll } from '../../async.ts'
import { LATCHKEY, type Operator } from '../../audit/events.ts'
import { isLatchkeyError, LatchkeyError } from '../../errors.ts'
import { noticeCommit, noticeIdOf } from '../../messages/security-notice.ts'
import { elevationRoles } from '../../rules/principal-rules.ts'
import type { Account } from '../../rules/rules.ts'
import { type Commit, joinCommits } from '../../store/commit.ts'
import { denyId, type SessionPrincipal } from '../principal.ts'
import { type DenyList, principalOf, readDenyList } from '../session/deny-list.ts'
import { eachFormerRole } from '../session/former-roles.ts'
import { type DenyDeps, reconcileDenyList } from '../session/reconcile-deny-list.ts'
import type { ReadyDeps } from './readiness.ts'

/**
 * Compares the epoch of the record with the epoch in the Sid of each Deny document. Where they differ, the record was
 * emptied or is older than AWS and may not know all sessions, so every session issued before now is refused.
 * Until this has run for a role, nothing is granted or vended on it.
 * A failure in one account or role does not stop the others.
 */
export async function checkEpoch(deps: DenyDeps): Promise<void> {
  await settleAll([...deps.rules.accounts.values()], (account) => reconcileRoles(deps, account))
}

/**
 * Reconciles the Deny documents of an account's elevation roles. This includes roles that the rules no longer name,
 * because their sessions may still be alive.
 * @throws when a Deny document could not be verified in AWS, or AWS does not show a role that the rules name
 */
export async function reconcileRoles(deps: DenyDeps, account: Account): Promise<void> {
  await settleAll([reconcileNamedRoles, reconcileFormerRoles], (reconcile) => reconcile(deps, account))
}

async function reconcileFormerRoles(deps: DenyDeps, { name }: Account): Promise<void> {
  await eachFormerRole(deps, name, (principal) => reconcileDenyList(deps, principal))
}

async function reconcileNamedRoles(deps: DenyDeps, account: Account): Promise<void> {
  const principals = await deps.driver.principals(account.name)
  await settleAll(principals, (principal) => reconcileDenyList(deps, principal))
  const shown = principals.map(({ roleArn }) => roleArn)
  const hidden = elevationRoles(account).find((role) => !shown.includes(`arn:aws:iam::${account.id}:role/${role}`))
  if (hidden === undefined) return
  throw new LatchkeyError('AWS_REFUSED', {
    doing: `to show the elevation role ${hidden} of account ${account.name}`,
    awsCode: 'RoleNotShown',
    next: 'Nothing is granted on it. Have the operator see that the role is there and that Latchkey may read it.',
  })
}

/**
 * Gives the record a new epoch, for `latchkey recover` after a restore from a backup: nobody knows what the record has
 * forgotten, so it is treated as an emptied one. Every known role becomes due at once.
 */
export async function renewEpoch(deps: ReadyDeps, actor: Operator): Promise<void> {
  const [nowMs, known] = await Promise.all([deps.record.now(), knownRoles(deps)])
  const epoch = randomUUID()
  const at = new Date(nowMs).toISOString()
  const told = noticeCommit(deps, { kind: 'epoch-renewed', id: noticeIdOf(epoch), at, by: actor.name }, 0)
  const roles = known.filter((role) => role.epoch !== undefined)
  const renewal: Commit = {
    records: [],
    epoch,
    due: roles.map(({ id }) => ({ kind: 'roles', id, at: nowMs })),
    audit: [{ kind: 'alarm.epoch-renewed', actor }],
  }
  await deps.record.commit(joinCommits(renewal, told))
}

/** Names of the accounts with a role whose recorded epoch is not yet the record's. */
export async function waitingAccounts(deps: ReadyDeps): Promise<readonly string[]> {
  const [epoch, known] = await Promise.all([deps.record.epoch(), knownRoles(deps)])
  return [...new Set(known.filter((role) => role.epoch !== epoch).map(({ account }) => account))]
}

/** ARNs of roles whose Deny document in AWS lacks the record's epoch, also of roles that the rules no longer name. */
export async function waitingRoles(deps: Omit<DenyDeps, 'log'>): Promise<readonly string[]> {
  const epoch = await deps.record.epoch()
  const waiting = async (role: SessionPrincipal) =>
    (await deps.driver.readDeny(role))?.epoch === epoch ? [] : [role.roleArn]
  const found = await settleAll([...deps.rules.accounts.keys()], async (account) => [
    ...(await settleAll(await deps.driver.principals(account), waiting)),
    ...(await eachFormerRole(deps, account, waiting)),
  ])
  return found.flat(2)
}

/**
 * When new sessions are accepted on every role, once every account carries the epoch. In ms since 1970 by the store's
 * clock. Undefined: now.
 */
export async function readyAt(deps: ReadyDeps): Promise<number | undefined> {
  const [nowMs, known] = await Promise.all([deps.record.now(), knownRoles(deps)])
  const at = Math.max(...known.map(({ issuedBefore }) => Date.parse(issuedBefore ?? '') || 0))
  return at > nowMs ? at : undefined
}

async function knownRoles({ record, approvalKey, rules }: ReadyDeps) {
  const named = [...rules.accounts.values()].flatMap((account) =>
    elevationRoles(account).map((role) => ({ account: account.name, id: `${account.id}.${role.split('/').at(-1)}` })),
  )
  const known = await Promise.all(named.map(({ id }) => readDenyList(record, approvalKey, id)))
  return named.map((role, position) => {
    const { epoch, issuedBefore } = known[position]?.value ?? {}
    return { ...role, epoch, issuedBefore }
  })
}

/** Handles the due entry of a role. A role without a genuine deny list in the record is left to the reconciler. */
export async function reconcileDueRole(deps: DenyDeps, id: string): Promise<void> {
  const { value } = await readDenyList(deps.record, deps.approvalKey, id)
  if (!value || denyId(principalOf(value)) !== id) return
  try {
    await reconcileDenyList(deps, principalOf(value), { isDue: true })
  } catch (error) {
    if (!isLatchkeyError(error, 'AWS_REFUSED') || !(await isNeededNoMore(deps, value))) throw error
    const audit = [{ kind: 'deny.let-go', actor: LATCHKEY, role: value.roleArn } as const]
    await deps.record.commit({ records: [], due: [{ kind: 'roles', id, at: null }], audit })
  }
}

/** Whether the rules no longer name the role, which may be deleted, and all of its denials have run out. */
async function isNeededNoMore({ record, rules }: DenyDeps, { roleArn, denied }: DenyList): Promise<boolean> {
  const named = [...rules.accounts.values()].flatMap((account) =>
    elevationRoles(account).map((role) => `arn:aws:iam::${account.id}:role/${role}`),
  )
  const nowMs = Math.min(await record.now(), Date.now())
  return !named.includes(roleArn) && denied.every(({ until }) => Date.parse(until) <= nowMs)
}
