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
 * Reads the elevation role and its copies as they are now, nothing remembered, and refuses what Latchkey could not keep within bounds. A copy that
 * is not in order stops only itself. @returns those that can hold one more, in the order in which they are filled.
 */
export async function checkRoles(
  deps: PreflightDeps,
  account: Account,
  draft: GrantDraft,
): Promise<readonly [SessionPrincipal, ...SessionPrincipal[]]> {
  const asking = { doing: 'to say who Latchkey is', next: 'Have the operator see that AWS knows its credentials.' }
  const { arn } = await askAws(asking, deps.log, () => readIdentity(deps.sts))
  const checked = await Promise.allSettled(
    elevationRoles(account).map((role) => checkRole(deps, account, { role, us: arn, draft })),
  )
  const [first, ...others] = checked.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  if (first) return [first, ...others]
  throw gravest(checked.flatMap((one): readonly unknown[] => (one.status === 'rejected' ? [one.reason] : [])))
}

/** A fault of our own is never taken for a copy that is not in order; and what may have room in a minute is not called full. */
function gravest(reasons: readonly unknown[]): unknown {
  return (
    reasons.find((reason) => !(reason instanceof LatchkeyError)) ??
    reasons.find((reason) => isLatchkeyError(reason, 'UNAVAILABLE')) ??
    reasons.find((reason) => isLatchkeyError(reason, 'QUOTA_FULL')) ??
    reasons[0]
  )
}

interface Named {
  /** Path and name of the role. */
  readonly role: string
  /** The IAM ARN of this process. */
  readonly us: string
  readonly draft: GrantDraft
}

async function checkRole(
  { iam, log }: PreflightDeps,
  account: Account,
  { role, us, draft }: Named,
): Promise<SessionPrincipal> {
  const asking = {
    doing: `to show the elevation role ${role} of account ${account.name}`,
    next: 'Have the operator see that the role is there and that Latchkey may read it, its policies and its boundary.',
  }
  const refuse = (awsCode: string, faults: readonly string[]) => notInOrder(log, account, { role, awsCode, faults })
  const found = await askAws(asking, log, () => readRole(iam, account, role))
  if (!found) throw refuse('OtherRole', ['The role of that name has another account or another path.'])
  const [boundary, isFull] = await askAws(asking, log, () =>
    Promise.all([readBoundary(iam, found, draft), readFull(iam, found)]),
  )
  const trusts = trustFaults(found.trust, us, account.hub?.externalId)
  const faults = [...boundary, ...trusts, ...durationFaults(found)]
  if (faults.length > 0) throw refuse('RoleNotInOrder', faults)
  // There must be room to deny, early, what is about to be granted.
  if (isFull) refuseFullRole()
  return { driver: 'session', account: account.id, roleArn: found.arn, roleId: found.roleId }
}

/** Without it, whoever may write the role's policies could write themselves anything. */
async function readBoundary(
  iam: IAMClient,
  { boundaryArn }: ElevationRole,
  draft: GrantDraft,
): Promise<readonly string[]> {
  if (boundaryArn === undefined) return ['The role has no permissions boundary.']
  const document = await readManagedPolicy(iam, boundaryArn)
  return [...boundaryFaults(document), ...boundaryGaps(document, draft)]
}

function durationFaults({ longestSeconds = LONGEST_SECONDS }: ElevationRole): readonly string[] {
  if (longestSeconds >= LONGEST_SECONDS) return []
  return [`The role allows sessions of ${longestSeconds} seconds; allow ${LONGEST_SECONDS}.`]
}

/** Ids that AWS holds and the record does not know take room too. */
async function readFull(iam: IAMClient, { arn }: ElevationRole): Promise<boolean> {
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

interface Wrong {
  readonly role: string
  readonly awsCode: string
  readonly faults: readonly string[]
}

/** The faults name roles and accounts of others, so they are for the operator alone. */
function notInOrder(log: AwsLog, account: Account, { role, awsCode, faults }: Wrong): LatchkeyError {
  log.warn({ account: account.name, role, faults }, 'the elevation role is not in order')
  const next = `The elevation role of account ${account.name} is not in order. The operator's log says why.`
  return new LatchkeyError('AWS_REFUSED', { doing: `access to account ${account.name}`, awsCode, next, by: 'Latchkey' })
}
