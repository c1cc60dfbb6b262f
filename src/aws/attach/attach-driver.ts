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

/** Placeholder to measure the length of a document: every ISO 8601 time in whole seconds is as long as this one. */
const SAMPLE_TIME = '2000-01-01T00:00:00Z'

/** The driver `attach`: a grant is an inline policy on the person's own role or user, used with their credentials. */
export function attachDriver(deps: AttachDriverDeps): AttachDriver {
  return {
    preflight: (draft) => preflight(deps, draft),
    activate: (order, now, refuseIfMoved) => activate(deps, order, now, refuseIfMoved),
    targets: () => entitiesInRules(deps),
    entityState: (entity) => readEntityState(deps, entity),
    attached: (entity, options) => listAttached(deps, entity, options?.documents === true),
    detach: (entity, policyName, urgency) => detach(deps, entity, policyName, urgency),
  }
}

function entitiesInRules({ accounts, principals }: AttachDriverDeps): readonly IamEntity[] {
  const all = [...principals].flatMap(([name, rows]) => {
    const account = accounts.get(name)?.id
    return account === undefined ? [] : rows.map((row) => ({ account, kind: row.kind, name: row.name }))
  })
  return [...new Map(all.map((entity) => [JSON.stringify(entity), entity])).values()]
}

async function preflight(context: AttachDriverDeps, draft: GrantDraft): Promise<readonly [AttachPrincipal]> {
  const { account, ownIdentity } = draft
  if (!ownIdentity)
    throw new LatchkeyError('NOT_ELIGIBLE', { reason: 'The rules name no role or user for this.', mayAsk: [] })
  const entity = { account, kind: ownIdentity.kind, name: ownIdentity.name }
  refuseUnwritable(entity)
  const details = await askAws(readCallText(entity), context.log, () =>
    readIamEntity(context.clients.iam(entity.account), entity),
  )
  await refuseFaults(context, entity, details)
  const principal = {
    driver: 'attach',
    account,
    arn: details.arn,
    userid: userIdOf(entity, details, ownIdentity.sessionName),
    deniedOn: await findDenyRole(context, account),
  } as const
  const times = { startsAt: SAMPLE_TIME, endsAt: SAMPLE_TIME }
  const document = attachDocument({ ...draft, ...times, principal }, findBucket(context.buckets, draft.scopes))
  await refuseWithoutRoom(context, entity, policyNameOf(draft.grantId), document)
  return [principal]
}

/** An early end is written to the Deny document of this role: the account's first elevation role. */
async function findDenyRole({ accounts, clients, log }: AttachDriverDeps, id: string) {
  const account = findAccount(accounts, id)
  const role = account.elevationRole
  const doing = `to show the elevation role ${role} of account ${account.name}`
  const next = 'Have the operator see that the role is there and that Latchkey may read it.'
  const elevationRole = await askAws({ doing, next }, log, () => readRole(clients.iam(id), account, role))
  if (elevationRole) return { roleArn: elevationRole.arn, roleId: elevationRole.roleId }
  throw new LatchkeyError('AWS_REFUSED', { doing, awsCode: 'OtherRole', next })
}

/** The value of `aws:userid` in the person's requests. People share roles, so there it contains the session's name. */
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
  const entity = entityOf(principal)
  const details = await askAws(readCallText(entity), context.log, () =>
    readIamEntity(context.clients.iam(entity.account), entity),
  )
  refuseSkew(details.date, now + details.tookMs)
  refuseRecreated(principal, details)
  // Checked again after preflight: the trust policy may now let other people in under the same session name.
  await refuseFaults(context, entity, details)
  const document = attachDocument(order, findBucket(context.buckets, order.scopes))
  const policyName = policyNameOf(order.grantId)
  await attach(context, entity, { policyName, document, refuseIfMoved })
}

/** A role or user that was deleted and created again keeps its ARN but gets another unique id. It was not approved. */
function refuseRecreated({ arn, userid }: AttachPrincipal, details: IamEntityDetails): void {
  if (details.arn === arn && details.uniqueId === userid.split(':')[0]) return
  throw new LatchkeyError('AWS_REFUSED', {
    doing: `access on ${arn}`,
    awsCode: 'OtherHolder',
    next: 'It was made again since this was approved. Ask again.',
    by: 'Latchkey',
  })
}

/** The faults name other people's accounts, so only the operator's log shows them. */
async function refuseFaults(
  { clients, log }: AttachDriverDeps,
  entity: IamEntity,
  details: IamEntityDetails,
): Promise<void> {
  const faults = await askAws(readCallText(entity), log, () =>
    findEntityFaults(clients.iam(entity.account), entity, details),
  )
  if (faults.length === 0) return
  const { kind, name, account } = entity
  log.warn({ account, kind, name, faults }, 'the role or user of a grant is not as the driver attach demands')
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
  entity: IamEntity,
): Promise<IamEntityState | undefined> {
  return await unlessGone(undefined, async () => {
    const details = await askAws(readCallText(entity), log, () => readIamEntity(clients.iam(entity.account), entity))
    const faults = await askAws(readCallText(entity), log, () =>
      findEntityFaults(clients.iam(entity.account), entity, details),
    )
    return { uniqueId: details.uniqueId, faults }
  })
}

async function listAttached(
  { clients, log }: AttachDriverDeps,
  entity: IamEntity,
  documents: boolean,
): Promise<readonly Attached[]> {
  const iam = clients.iam(entity.account)
  const policyNames = await unlessGone([], () => askAws(readCallText(entity), log, () => listPolicies(iam, entity)))
  const ofGrants = policyNames.filter(isGrantPolicy)
  if (!documents) return ofGrants.map((policyName) => ({ policyName }))
  const read = ofGrants.map((policyName) =>
    unlessGone([], async () => {
      const document = await askAws(readCallText(entity), log, () => readPolicy(iam, entity, policyName))
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

function readCallText({ kind, name, account }: IamEntity) {
  return {
    doing: `to show the ${kind} ${name} of account ${account}`,
    next: 'Have the operator see that it is there and that Latchkey may read it, its inline policies and its boundary.',
  }
}

export interface AttachDriver extends AttachOperations {
  preflight(draft: GrantDraft): Promise<readonly [AttachPrincipal]>
  activate(order: GrantOrder<AttachPrincipal>, now: number, refuseIfMoved?: () => Promise<void>): Promise<void>
}
