import { performance } from 'node:perf_hooks'
import { isLatchkeyError, LatchkeyError } from '../../errors.ts'
import type { Credentials, FormerRole, GrantDraft, GrantOrder, SessionOperations } from '../../grants/driver.ts'
import type { SessionPrincipal } from '../../grants/principal.ts'
import { elevationRoles } from '../../rules/principal-rules.ts'
import type { Account, Rules } from '../../rules/rules.ts'
import { type AwsLog, askAws } from '../aws-error.ts'
import type { AwsClients } from '../clients.ts'
import { type Identity, readIdentity, refuseSkew } from '../clock-skew.ts'
import { readRole } from '../elevation-role.ts'
import { findAccount, findBucket } from '../find-in-rules.ts'
import { assumeRole, expiredPolicy, measureSession } from './assume-role.ts'
import { checkRoles } from './check-elevation-roles.ts'
import { readDeny, writeDeny } from './deny-document-io.ts'
import { readFormerRoles } from './former-roles.ts'

export interface SessionDriverDeps extends Pick<Rules, 'accounts' | 'buckets'> {
  readonly clients: AwsClients
  readonly log: AwsLog
}

/**
 * The driver `session`: a grant is an STS session of an elevation role. A start writes nothing to IAM, and an end on
 * time needs no AWS call.
 */
export function sessionDriver(deps: SessionDriverDeps): SessionDriver {
  const { clients, log } = deps
  return {
    preflight: (draft) => preflight(deps, draft),
    activate: (order, now) => activate(deps, order, now),
    vend: async (order) => (await assumeGrantRole(deps, order, Date.now())).credentials,
    now: () => readAwsTime(deps),
    principals: (account) => readPrincipals(deps, account),
    formerRoles: (account) => readFormerOf(deps, account),
    readDeny: (principal) => readDeny(clients, log, principal),
    writeDeny: (principal, document, urgency = 'early-revoke') => writeDeny(clients, log, principal, document, urgency),
  }
}

async function preflight(
  deps: SessionDriverDeps,
  draft: GrantDraft,
): Promise<readonly [SessionPrincipal, ...SessionPrincipal[]]> {
  const account = findAccount(deps.accounts, draft.account)
  const bucket = findBucket(deps.buckets, draft.scopes)
  // Throws when the policy is too long, before any AWS call.
  expiredPolicy(draft, bucket)
  const { clients, log } = deps
  const sts = clients.sts(bucket.region)
  const roleArn = `arn:aws:iam::${account.id}:role/${account.elevationRole}`
  const [principals] = await Promise.all([
    checkRoles({ iam: clients.iam(account.id), sts, log }, account, draft),
    measureSession({ sts, log, bucket, externalId: account.hub?.externalId }, roleArn, draft),
  ])
  return principals
}

async function activate(deps: SessionDriverDeps, order: GrantOrder<SessionPrincipal>, now: number): Promise<void> {
  const startedAt = performance.now()
  const { date } = await assumeGrantRole(deps, order, now)
  refuseSkew(date, now + performance.now() - startedAt)
}

/**
 * Assumes the elevation role with the process's own credentials, not through the hub role: after a hub the session
 * would carry the hub's name and could last an hour at most.
 */
function assumeGrantRole(
  { accounts, buckets, clients, log }: SessionDriverDeps,
  order: GrantOrder<SessionPrincipal>,
  nowMs: number,
) {
  const { hub } = findAccount(accounts, order.principal.account)
  const bucket = findBucket(buckets, order.scopes)
  return assumeRole({ sts: clients.sts(bucket.region), log, bucket, externalId: hub?.externalId }, order, nowMs)
}

async function readAwsTime(deps: SessionDriverDeps): Promise<number> {
  const { date } = await askIdentity(deps)
  if (Number.isNaN(date.ms)) throw new LatchkeyError('UNAVAILABLE', { what: 'AWS', retryAfterSeconds: 10 })
  return date.ms
}

async function readFormerOf(deps: SessionDriverDeps, name: string): Promise<readonly FormerRole[]> {
  const account = deps.accounts.get(name)
  if (!account) return []
  const { arn } = await askIdentity(deps)
  return await readFormerRoles({ iam: deps.clients.iam(account.id), us: arn, log: deps.log }, account)
}

function askIdentity({ buckets, clients, log }: SessionDriverDeps): Promise<Identity> {
  const callText = { doing: 'to say who Latchkey is', next: 'Have the operator see that AWS knows its credentials.' }
  const anyRegion = [...buckets.values()][0]?.region ?? 'us-east-1'
  return askAws(callText, log, () => readIdentity(clients.sts(anyRegion)))
}

async function readPrincipals(deps: SessionDriverDeps, name?: string): Promise<readonly SessionPrincipal[]> {
  const accounts = [...deps.accounts.values()].filter((account) => name === undefined || account.name === name)
  const named = accounts.flatMap((account) => elevationRoles(account).map((role) => readPrincipal(deps, account, role)))
  return (await Promise.all(named)).flatMap((principal) => (principal ? [principal] : []))
}

/**
 * @returns undefined when AWS does not show the role, so that the other roles are still reconciled. Where rights are
 * given by path, IAM answers AccessDenied for a missing role. That is safe: nothing is granted on a role until its Deny
 * document is known to carry our epoch.
 */
async function readPrincipal(
  { clients, log }: SessionDriverDeps,
  account: Account,
  role: string,
): Promise<SessionPrincipal | undefined> {
  const callText = {
    doing: `to show the elevation role ${role} of account ${account.name}`,
    next: 'Have the operator see that Latchkey may read it.',
  }
  try {
    const elevationRole = await askAws(callText, log, () => readRole(clients.iam(account.id), account, role))
    return (
      elevationRole && {
        driver: 'session',
        account: account.id,
        roleArn: elevationRole.arn,
        roleId: elevationRole.roleId,
      }
    )
  } catch (error) {
    if (isLatchkeyError(error, 'AWS_REFUSED')) return undefined
    throw error
  }
}

export interface SessionDriver extends SessionOperations {
  preflight(draft: GrantDraft): Promise<readonly [SessionPrincipal, ...SessionPrincipal[]]>
  activate(order: GrantOrder<SessionPrincipal>, now: number): Promise<void>
  vend(order: GrantOrder<SessionPrincipal>): Promise<Credentials>
  now(): Promise<number>
}
