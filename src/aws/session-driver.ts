import { performance } from 'node:perf_hooks'
import { isLatchkeyError, LatchkeyError } from '../errors.ts'
import type { GrantDraft, GrantOrder, SessionPrincipal } from '../grants/driver.ts'
import { sessionPolicy } from '../grants/iam-document.ts'
import type { Account, Rules } from '../rules/rules-file.ts'
import type { Scope } from '../rules/scope.ts'
import { assumeRole, type Place } from './assume-role.ts'
import { readIdentity, refuseSkew } from './aws-date.ts'
import { type AwsLog, askAws } from './aws-error.ts'
import { type AwsClients, awsClients } from './clients.ts'
import { readDeny, writeDeny } from './deny-policy.ts'
import type { SessionDriver } from './driver.ts'
import { readRole } from './elevation-role.ts'
import { checkRole } from './preflight.ts'

export interface SessionDriverNeeds {
  readonly accounts: Rules['accounts']
  readonly buckets: Rules['buckets']
  readonly log: AwsLog
}

interface Context extends SessionDriverNeeds {
  readonly clients: AwsClients
}

/** Every end is as long as this one: what is measured with it fits with any. */
const ANY_END = '2000-01-01T00:00:00Z'

/** Grants as STS sessions: nothing is written to IAM when one starts, and an end on time costs no call. */
export function sessionDriver(needs: SessionDriverNeeds): SessionDriver {
  const context = { ...needs, clients: awsClients() }
  const { clients, log } = context
  return {
    preflight: (draft) => preflight(context, draft),
    activate: (order, now) => activate(context, order, now),
    async vend(order) {
      const { credentials } = await assumeRole(placeOf(context, order.scopes), log, order, Date.now())
      return credentials
    },
    now: () => readNow(context),
    principals: () => readPrincipals(context),
    readDeny: (principal) => readDeny(clients.iam, log, principal),
    writeDeny: (principal, document) => writeDeny(clients.iam, log, principal, document),
  }
}

async function preflight(
  context: Context,
  draft: GrantDraft,
): Promise<readonly [SessionPrincipal, ...SessionPrincipal[]]> {
  const account = [...context.accounts.values()].find(({ id }) => id === draft.account)
  if (!account) throw notInRules(`account ${draft.account}`)
  const { sts, bucket } = placeOf(context, draft.scopes)
  sessionPolicy({ ...draft, endsAt: ANY_END }, bucket)
  const { clients, log } = context
  return [await checkRole({ iam: clients.iam, sts, log }, account)]
}

async function activate(context: Context, order: GrantOrder<SessionPrincipal>, now: number): Promise<void> {
  const startedAt = performance.now()
  const { date } = await assumeRole(placeOf(context, order.scopes), context.log, order, now)
  refuseSkew(date, now + performance.now() - startedAt)
}

async function readNow(context: Context): Promise<number> {
  const asking = { doing: 'to say the time', next: 'Have the operator see that AWS knows the credentials of Latchkey.' }
  const anyRegion = [...context.buckets.values()][0]?.region ?? 'us-east-1'
  const { date } = await askAws(asking, context.log, () => readIdentity(context.clients.sts(anyRegion)))
  if (Number.isNaN(date.ms)) throw new LatchkeyError('UNAVAILABLE', { what: 'AWS', retryAfterSeconds: 10 })
  return date.ms
}

async function readPrincipals(context: Context): Promise<readonly SessionPrincipal[]> {
  const found = await Promise.all([...context.accounts.values()].map((account) => readPrincipal(context, account)))
  return found.flatMap((principal) => (principal ? [principal] : []))
}

/**
 * A role that AWS does not show must not keep the others from being looked after. IAM calls a missing role AccessDenied where rights are
 * given by path. Until its Deny document is known to carry our epoch, nothing is granted there anyway.
 */
async function readPrincipal({ clients, log }: Context, account: Account): Promise<SessionPrincipal | undefined> {
  const asking = {
    doing: `to show the elevation role ${account.elevationRole} of account ${account.name}`,
    next: 'Have the operator see that Latchkey may read it.',
  }
  try {
    const role = await askAws(asking, log, () => readRole(clients.iam, account))
    return role && { driver: 'session', account: account.id, roleArn: role.arn, roleId: role.roleId }
  } catch (error) {
    if (isLatchkeyError(error, 'AWS_REFUSED')) return undefined
    throw error
  }
}

function placeOf(context: Context, [first]: readonly Scope[]): Place {
  const bucket = first && context.buckets.get(first.bucket)
  if (bucket === undefined) throw notInRules(`bucket ${first?.bucket ?? ''}`)
  return { sts: context.clients.sts(bucket.region), bucket }
}

function notInRules(what: string): LatchkeyError {
  return new LatchkeyError('NOT_ELIGIBLE', { reason: `The rules do not name ${what} (any more).`, mayAsk: [] })
}
