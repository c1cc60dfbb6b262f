import { LatchkeyError } from '../../errors.ts'
import type {
  Attached,
  AttachOperations,
  GrantDraft,
  GrantOrder,
  IamEntity,
  IamEntityState,
} from '../../grants/driver.ts'
import { entityOf, isGrantPolicy, policyNameOf } from '../../grants/iam-entity.ts'
import type { AttachPrincipal } from '../../grants/principal.ts'
import { attachDocument } from '../../policies/attached-policy.ts'
import type { Rules } from '../../rules/rules.ts'
import { type AwsLog, askAws, isAwsCode } from '../aws-error.ts'
import type { AwsClients } from '../clients.ts'
import { refuseSkew } from '../clock-skew.ts'
import { readRole } from '../elevation-role.ts'
import { findAccount, findBucket } from '../find-in-rules.ts'
import { listPolicies, readPolicy } from '../inline-policies.ts'
import { attach, detach, refuseWithoutRoom } from './attach-policy.ts'
import { findEntityFaults, type IamEntityDetails, readIamEntity, refuseUnwritable } from './read-iam-entity.ts'

export interface AttachDriverDeps extends Pick<Rules, 'accounts' | 'buckets' | 'principals'> {
  readonly clients: AwsClients
  readonly log: AwsLog
}

/** Every time is as long as this one: what is measured with it fits with any. */
const ANY_TIME = '2000-01-01T00:00:00Z'

/** Grants as inline policies on the person's own role or user, who goes on with the credentials that they have. */
export function attachDriver(deps: AttachDriverDeps): AttachDriver {
  return {
    preflight: (draft) => preflight(deps, draft),
    activate: (order, now, refuseIfMoved) => activate(deps, order, now, refuseIfMoved),
    targets: () => targetsOf(deps),
    entityState: (target) => readEntityState(deps, target),
    attached: (target, options) => listAttached(deps, target, options?.documents === true),
    detach: (target, policyName, urgency) => detach(deps, target, policyName, urgency),
  }
}

function targetsOf({ accounts, principals }: AttachDriverDeps): readonly IamEntity[] {
  const all = [...principals].flatMap(([name, rows]) => {
    const account = accounts.get(name)?.id
    return account === undefined ? [] : rows.map((row) => ({ account, kind: row.kind, name: row.name }))
  })
  return [...new Map(all.map((target) => [JSON.stringify(target), target])).values()]
}

async function preflight(context: AttachDriverDeps, draft: GrantDraft): Promise<readonly [AttachPrincipal]> {
  const { account, ownIdentity } = draft
  if (!ownIdentity)
    throw new LatchkeyError('NOT_ELIGIBLE', { reason: 'The rules name no role or user for this.', mayAsk: [] })
  const target = { account, kind: ownIdentity.kind, name: ownIdentity.name }
  refuseUnwritable(target)
  const found = await askAws(toShow(target), context.log, () =>
    readIamEntity(context.clients.iam(target.account), target),
  )
  await refuseFaults(context, target, found)
  const principal = {
    driver: 'attach',
    account,
    arn: found.arn,
    userid: userIdOf(target, found, ownIdentity.sessionName),
    deniedOn: await findDenyRole(context, account),
  } as const
  const times = { startsAt: ANY_TIME, endsAt: ANY_TIME }
  const document = attachDocument({ ...draft, ...times, principal }, findBucket(context.buckets, draft.scopes))
  await refuseWithoutRoom(context, target, policyNameOf(draft.grantId), document)
  return [principal]
}

/** The first of the account's elevation roles: grants there wait for that one already. */
async function findDenyRole({ accounts, clients, log }: AttachDriverDeps, id: string) {
  const account = findAccount(accounts, id)
  const role = account.elevationRole
  const doing = `to show the elevation role ${role} of account ${account.name}`
  const next = 'Have the operator see that the role is there and that Latchkey may read it.'
  const found = await askAws({ doing, next }, log, () => readRole(clients.iam(id), account, role))
  if (found) return { roleArn: found.arn, roleId: found.roleId }
  throw new LatchkeyError('AWS_REFUSED', { doing, awsCode: 'OtherRole', next })
}

/** What `aws:userid` is in each of their requests: a role is shared, so the session's name is part of it. */
function userIdOf({ kind, name }: IamEntity, { uniqueId }: IamEntityDetails, sessionName: string | undefined): string {
  if (kind === 'user') return uniqueId
  if (sessionName !== undefined) return `${uniqueId}:${sessionName}`
  const reason = `The rules do not say what your sessions of the role ${name} are called.`
  throw new LatchkeyError('NOT_ELIGIBLE', { reason, mayAsk: [] })
}

async function activate(
  context: AttachDriverDeps,
  order: GrantOrder<AttachPrincipal>,
  now: number,
  refuseIfMoved?: () => Promise<void>,
): Promise<void> {
  const { principal } = order
  const target = entityOf(principal)
  const found = await askAws(toShow(target), context.log, () =>
    readIamEntity(context.clients.iam(target.account), target),
  )
  refuseSkew(found.date, now + found.tookMs)
  refuseOtherHolder(principal, found)
  // As it is now: since the ask somebody may have let others in under the same name.
  await refuseFaults(context, target, found)
  const document = attachDocument(order, findBucket(context.buckets, order.scopes))
  const policyName = policyNameOf(order.grantId)
  await attach(context, target, { policyName, document, refuseIfMoved })
}

/** A role or user that was deleted and made again under its old name is not the one that was approved. */
function refuseOtherHolder({ arn, userid }: AttachPrincipal, found: IamEntityDetails): void {
  if (found.arn === arn && found.uniqueId === userid.split(':')[0]) return
  throw new LatchkeyError('AWS_REFUSED', {
    doing: `access on ${arn}`,
    awsCode: 'OtherHolder',
    next: 'It was made again since this was approved. Ask again.',
    by: 'Latchkey',
  })
}

/** The faults name accounts of others, so they are for the operator alone. */
async function refuseFaults(
  { clients, log }: AttachDriverDeps,
  target: IamEntity,
  found: IamEntityDetails,
): Promise<void> {
  const faults = await askAws(toShow(target), log, () => findEntityFaults(clients.iam(target.account), target, found))
  if (faults.length === 0) return
  const { kind, name, account } = target
  log.warn({ account, kind, name, faults }, 'what should hold a grant is not in order')
  const next = `The ${kind} is not in order. Tell an owner of Latchkey: \`latchkey doctor\` and the log say what is wrong.`
  throw new LatchkeyError('AWS_REFUSED', {
    doing: `access on ${kind} ${name}`,
    awsCode: 'HolderNotInOrder',
    next,
    by: 'Latchkey',
  })
}

async function readEntityState(
  { clients, log }: AttachDriverDeps,
  target: IamEntity,
): Promise<IamEntityState | undefined> {
  return await unlessGone(undefined, async () => {
    const found = await askAws(toShow(target), log, () => readIamEntity(clients.iam(target.account), target))
    const faults = await askAws(toShow(target), log, () => findEntityFaults(clients.iam(target.account), target, found))
    return { uniqueId: found.uniqueId, faults }
  })
}

async function listAttached(
  { clients, log }: AttachDriverDeps,
  target: IamEntity,
  documents: boolean,
): Promise<readonly Attached[]> {
  const iam = clients.iam(target.account)
  const names = await unlessGone([], () => askAws(toShow(target), log, () => listPolicies(iam, target)))
  const ours = names.filter(isGrantPolicy)
  if (!documents) return ours.map((policyName) => ({ policyName }))
  const read = ours.map((policyName) =>
    unlessGone([], async () => {
      const document = await askAws(toShow(target), log, () => readPolicy(iam, target, policyName))
      return [{ policyName, document }]
    }),
  )
  return (await Promise.all(read)).flat()
}

async function unlessGone<T>(gone: T, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    if (isAwsCode(error, 'NoSuchEntityException')) return gone
    throw error
  }
}

function toShow({ kind, name, account }: IamEntity) {
  return {
    doing: `to show the ${kind} ${name} of account ${account}`,
    next: 'Have the operator see that it is there and that Latchkey may read it, its inline policies and its boundary.',
  }
}

export interface AttachDriver extends AttachOperations {
  preflight(draft: GrantDraft): Promise<readonly [AttachPrincipal]>
  activate(order: GrantOrder<AttachPrincipal>, now: number, refuseIfMoved?: () => Promise<void>): Promise<void>
}
