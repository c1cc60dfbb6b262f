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
 * A random epoch lives in the record and in the Sid of each Deny document. Where they differ the record was emptied or is older:
 * sessions may be alive that it does not know, so everything issued before now is refused. Until this has run for a role,
 * nothing is granted or vended there. One account or role that fails does not keep the others waiting.
 */
export async function checkEpoch(deps: DenyDeps): Promise<void> {
  await settleAll([...deps.rules.accounts.values()], (account) => reconcileRoles(deps, account))
}

/** Sessions outlive what the rules say of their role. @throws when AWS was not read back with all of it, or does not show a role that the rules name. */
export async function reconcileRoles(deps: DenyDeps, account: Account): Promise<void> {
  await settleAll([reconcileNamedRoles, reconcileFormerRoles], (keep) => keep(deps, account))
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

/** As if the record had been emptied: it was put back from a copy, and nobody knows what it has forgotten. Every role is due at once. */
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

/** Names of the accounts of which not every role is known to carry the record's epoch yet. */
export async function waitingAccounts(deps: ReadyDeps): Promise<readonly string[]> {
  const [epoch, known] = await Promise.all([deps.record.epoch(), knownRoles(deps)])
  return [...new Set(known.filter((role) => role.epoch !== epoch).map(({ account }) => account))]
}

/** Roles that do not show the record's epoch when AWS is asked, those too that the rules name no more. */
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

/** When nothing waits any more, once every account carries the epoch: ms since 1970, the record's clock. Undefined: now. */
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

/** A role whose entry in the due index has come. One that the record does not (truly) know is left to the reconciler. */
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

/** Of a role that the rules name no more, and that may be gone, once nobody needs to be refused there any more. */
async function isNeededNoMore({ record, rules }: DenyDeps, { roleArn, denied }: DenyList): Promise<boolean> {
  const named = [...rules.accounts.values()].flatMap((account) =>
    elevationRoles(account).map((role) => `arn:aws:iam::${account.id}:role/${role}`),
  )
  const nowMs = Math.min(await record.now(), Date.now())
  return !named.includes(roleArn) && denied.every(({ until }) => Date.parse(until) <= nowMs)
}
