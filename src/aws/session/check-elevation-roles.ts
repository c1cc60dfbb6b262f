import type { IAMClient } from '@aws-sdk/client-iam'
import type { STSClient } from '@aws-sdk/client-sts'
import { isLatchkeyError, LatchkeyError } from '../../errors.ts'
import type { GrantDraft } from '../../grants/driver.ts'
import type { SessionPrincipal } from '../../grants/principal.ts'
import {
  DENY_IDS_PER_ROLE,
  DENY_POLICY,
  OTHER_INLINE_CHARACTERS,
  parseDenyDocument,
  refuseFullRole,
} from '../../policies/deny-document.ts'
import { elevationRoles } from '../../rules/principal-rules.ts'
import type { Account } from '../../rules/rules.ts'
import { type AwsLog, askAws } from '../aws-error.ts'
import { readIdentity } from '../clock-skew.ts'
import {
  type ElevationRole,
  listInlinePolicies,
  readInlinePolicy,
  readManagedPolicy,
  readRole,
  roleName,
} from '../elevation-role.ts'
import { boundaryFaults, boundaryGaps, trustFaults } from '../inspect/elevation-role-policies.ts'
import { LONGEST_SECONDS } from './assume-role.ts'

export interface PreflightDeps {
  readonly iam: IAMClient
  readonly sts: STSClient
  readonly log: AwsLog
}

/**
 * Reads the account's elevation role and its replicas from AWS, without a cache, and checks each. A faulty replica is
 * left out.
 * @returns the replicas that can hold one more grant, in the order in which they are filled
 * @throws the most serious refusal when none can
 */
export async function checkRoles(
  deps: PreflightDeps,
  account: Account,
  draft: GrantDraft,
): Promise<readonly [SessionPrincipal, ...SessionPrincipal[]]> {
  const callText = { doing: 'to say who Latchkey is', next: 'Have the operator see that AWS knows its credentials.' }
  const { arn } = await askAws(callText, deps.log, () => readIdentity(deps.sts))
  const checked = await Promise.allSettled(
    elevationRoles(account).map((role) => checkRole(deps, account, { role, latchkeyArn: arn, draft })),
  )
  const [first, ...others] = checked.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  if (first) return [first, ...others]
  throw mostSerious(checked.flatMap((one): readonly unknown[] => (one.status === 'rejected' ? [one.reason] : [])))
}

/**
 * Our own bugs come first, so that they are not reported as a faulty role. UNAVAILABLE comes next, because a retry may
 * find room. Full roles follow.
 */
function mostSerious(reasons: readonly unknown[]): unknown {
  return (
    reasons.find((reason) => !(reason instanceof LatchkeyError)) ??
    reasons.find((reason) => isLatchkeyError(reason, 'UNAVAILABLE')) ??
    reasons.find((reason) => isLatchkeyError(reason, 'QUOTA_FULL')) ??
    reasons[0]
  )
}

interface RoleToCheck {
  /** Path and name of the role. */
  readonly role: string
  /** ARN of the IAM role or user as which this process runs. */
  readonly latchkeyArn: string
  readonly draft: GrantDraft
}

async function checkRole(
  { iam, log }: PreflightDeps,
  account: Account,
  { role, latchkeyArn, draft }: RoleToCheck,
): Promise<SessionPrincipal> {
  const callText = {
    doing: `to show the elevation role ${role} of account ${account.name}`,
    next: 'Have the operator see that the role is there and that Latchkey may read it, its policies and its boundary.',
  }
  const refuse = (awsCode: string, faults: readonly string[]) => notInOrder(log, account, { role, awsCode, faults })
  const elevationRole = await askAws(callText, log, () => readRole(iam, account, role))
  if (!elevationRole) throw refuse('OtherRole', ['The role of that name has another account or another path.'])
  const [boundary, isFull] = await askAws(callText, log, () =>
    Promise.all([readBoundary(iam, elevationRole, draft), readIsFull(iam, elevationRole)]),
  )
  const trusts = trustFaults(elevationRole.trust, latchkeyArn, account.hub?.externalId)
  const faults = [...boundary, ...trusts, ...durationFaults(elevationRole)]
  if (faults.length > 0) throw refuse('RoleNotInOrder', faults)
  // A full Deny document could not take the id of the new grant if it ended early.
  if (isFull) refuseFullRole()
  return { driver: 'session', account: account.id, roleArn: elevationRole.arn, roleId: elevationRole.roleId }
}

/** Only the boundary limits what Latchkey's own identities could write into the role's policies. */
async function readBoundary(
  iam: IAMClient,
  { boundaryArn }: ElevationRole,
  draft: GrantDraft,
): Promise<readonly string[]> {
  if (boundaryArn === undefined) return ['The role has no permissions boundary.']
  const document = await readManagedPolicy(iam, boundaryArn)
  return [...boundaryFaults(document), ...boundaryGaps(document, draft)]
}

function durationFaults({ maxSessionSeconds = LONGEST_SECONDS }: ElevationRole): readonly string[] {
  if (maxSessionSeconds >= LONGEST_SECONDS) return []
  return [`The role allows sessions of ${maxSessionSeconds} seconds; allow ${LONGEST_SECONDS}.`]
}

/**
 * Whether the Deny document or the other inline policies leave no room. It counts what AWS holds, also ids that our
 * record lacks.
 */
async function readIsFull(iam: IAMClient, { arn }: ElevationRole): Promise<boolean> {
  const role = roleName(arn)
  const names = await listInlinePolicies(iam, role)
  const policies = await Promise.all(
    names.map(async (name) => ({ name, text: await readInlinePolicy(iam, role, name) })),
  )
  const others = policies.filter(({ name }) => name !== DENY_POLICY)
  const denied = policies
    .filter(({ name }) => name === DENY_POLICY)
    .flatMap(({ text }) => parseDenyDocument(text).denied)
  const characters = others.reduce((sum, { text }) => sum + text.replace(/\s/g, '').length, 0)
  return denied.length >= DENY_IDS_PER_ROLE || characters > OTHER_INLINE_CHARACTERS
}

interface RoleRefusal {
  readonly role: string
  readonly awsCode: string
  readonly faults: readonly string[]
}

/** The faults name other people's roles and accounts, so only the operator's log shows them. */
function notInOrder(log: AwsLog, account: Account, { role, awsCode, faults }: RoleRefusal): LatchkeyError {
  log.warn({ account: account.name, role, faults }, 'the elevation role is not as Latchkey demands')
  const next = `The elevation role of account ${account.name} is not in order. The operator's log says why.`
  return new LatchkeyError('AWS_REFUSED', { doing: `access to account ${account.name}`, awsCode, next, by: 'Latchkey' })
}
