import { randomUUID } from 'node:crypto'
import { each } from '../../async.ts'
import { LATCHKEY, type Operator } from '../../audit/events.ts'
import { isLatchkeyError, LatchkeyError } from '../../errors.ts'
import { noticeCommit, noticeIdOf } from '../../messages/security-notice.ts'
import { elevationRoles } from '../../rules/principal-rules.ts'
import type { Account } from '../../rules/rules.ts'
import { denyId, type SessionPrincipal } from '../principal.ts'
import { type DenyRecord, principalOf, readDenyRecord } from '../session/deny-list.ts'
import { eachFormerRole } from '../session/former-roles.ts'
import { type DenyNeeds, keepDeny } from '../session/reconcile-deny-list.ts'
import type { ReadyNeeds } from './readiness.ts'

/**
 * A random epoch lives in the record and in the Sid of each Deny document. Where they differ the record was emptied or is older:
 * sessions may be alive that it does not know, so everything issued before now is refused. Until this has run for a role,
 * nothing is granted or vended there. One account or role that fails does not keep the others waiting.
 */
export async function checkEpoch(needs: DenyNeeds): Promise<void> {
  await each([...needs.rules.accounts.values()], (account) => keepRoles(needs, account))
}

/** Sessions outlive what the rules say of their role. @throws when AWS was not read back with all of it, or does not show a role that the rules name. */
export async function keepRoles(needs: DenyNeeds, account: Account): Promise<void> {
  await each([keepNamed, keepFormer], (keep) => keep(needs, account))
}

async function keepFormer(needs: DenyNeeds, { name }: Account): Promise<void> {
  await eachFormerRole(needs, name, (principal) => keepDeny(needs, principal))
}

async function keepNamed(needs: DenyNeeds, account: Account): Promise<void> {
  const principals = await needs.driver.principals(account.name)
  await each(principals, (principal) => keepDeny(needs, principal))
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
export async function renewEpoch(needs: ReadyNeeds, actor: Operator): Promise<void> {
  const [nowMs, known] = await Promise.all([needs.record.now(), knownRoles(needs)])
  const epoch = randomUUID()
  const at = new Date(nowMs).toISOString()
  const told = noticeCommit(needs, { kind: 'epoch-renewed', id: noticeIdOf(epoch), at, by: actor.name }, 0)
  const roles = known.filter((role) => role.epoch !== undefined)
  await needs.record.commit({
    records: told.records,
    epoch,
    due: [...roles.map(({ id }) => ({ kind: 'roles', id, at: nowMs }) as const), ...told.due],
    audit: [{ kind: 'alarm.epoch-renewed', actor }, ...told.audit],
  })
}

/** Names of the accounts of which not every role is known to carry the record's epoch yet. */
export async function waitingAccounts(needs: ReadyNeeds): Promise<readonly string[]> {
  const [epoch, known] = await Promise.all([needs.record.epoch(), knownRoles(needs)])
  return [...new Set(known.filter((role) => role.epoch !== epoch).map(({ account }) => account))]
}

/** Roles that do not show the record's epoch when AWS is asked, those too that the rules name no more. */
export async function waitingRoles(needs: Omit<DenyNeeds, 'log'>): Promise<readonly string[]> {
  const epoch = await needs.record.epoch()
  const waiting = async (role: SessionPrincipal) =>
    (await needs.driver.readDeny(role))?.epoch === epoch ? [] : [role.roleArn]
  const found = await each([...needs.rules.accounts.keys()], async (account) => [
    ...(await each(await needs.driver.principals(account), waiting)),
    ...(await eachFormerRole(needs, account, waiting)),
  ])
  return found.flat(2)
}

/** When nothing waits any more, once every account carries the epoch: ms since 1970, the record's clock. Undefined: now. */
export async function readyAt(needs: ReadyNeeds): Promise<number | undefined> {
  const [nowMs, known] = await Promise.all([needs.record.now(), knownRoles(needs)])
  const at = Math.max(...known.map(({ issuedBefore }) => Date.parse(issuedBefore ?? '') || 0))
  return at > nowMs ? at : undefined
}

async function knownRoles({ record, approvalKey, rules }: ReadyNeeds) {
  const named = [...rules.accounts.values()].flatMap((account) =>
    elevationRoles(account).map((role) => ({ account: account.name, id: `${account.id}.${role.split('/').at(-1)}` })),
  )
  const known = await Promise.all(named.map(({ id }) => readDenyRecord(record, approvalKey, id)))
  return named.map((role, position) => {
    const { epoch, issuedBefore } = known[position]?.value ?? {}
    return { ...role, epoch, issuedBefore }
  })
}

/** A role whose entry in the due index has come. One that the record does not (truly) know is left to the reconciler. */
export async function keepDueRole(needs: DenyNeeds, id: string): Promise<void> {
  const { value } = await readDenyRecord(needs.record, needs.approvalKey, id)
  if (!value || denyId(principalOf(value)) !== id) return
  try {
    await keepDeny(needs, principalOf(value), { isDue: true })
  } catch (error) {
    if (!isLatchkeyError(error, 'AWS_REFUSED') || !(await isNeededNoMore(needs, value))) throw error
    const audit = [{ kind: 'deny.let-go', actor: LATCHKEY, role: value.roleArn } as const]
    await needs.record.commit({ records: [], due: [{ kind: 'roles', id, at: null }], audit })
  }
}

/** Of a role that the rules name no more, and that may be gone, once nobody needs to be refused there any more. */
async function isNeededNoMore({ record, rules }: DenyNeeds, { roleArn, denied }: DenyRecord): Promise<boolean> {
  const named = [...rules.accounts.values()].flatMap((account) =>
    elevationRoles(account).map((role) => `arn:aws:iam::${account.id}:role/${role}`),
  )
  const nowMs = Math.min(await record.now(), Date.now())
  return !named.includes(roleArn) && denied.every(({ until }) => Date.parse(until) <= nowMs)
}
