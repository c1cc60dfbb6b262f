import type { IAMClient } from '@aws-sdk/client-iam'
import type { STSClient } from '@aws-sdk/client-sts'
import { LatchkeyError } from '../errors.ts'
import { boundaryFaults, trustFaults } from '../grants/compare.ts'
import {
  DENY_IDS_PER_ROLE,
  DENY_POLICY,
  OTHER_INLINE_CHARACTERS,
  parseDenyDocument,
  refuseFullRole,
} from '../grants/deny-document.ts'
import type { SessionPrincipal } from '../grants/driver.ts'
import type { Account } from '../rules/rules-file.ts'
import { readIdentity } from './aws-date.ts'
import { type AwsLog, askAws } from './aws-error.ts'
import {
  type ElevationRole,
  listInlinePolicies,
  readInlinePolicy,
  readManagedPolicy,
  readRole,
  roleName,
} from './elevation-role.ts'

export interface PreflightNeeds {
  readonly iam: IAMClient
  readonly sts: STSClient
  readonly log: AwsLog
}

/** Reads the role as it is now, nothing remembered, and refuses one that Latchkey could not keep within bounds. */
export async function checkRole(needs: PreflightNeeds, account: Account): Promise<SessionPrincipal> {
  const asking = {
    doing: `to show the elevation role ${account.elevationRole} of account ${account.name}`,
    next: 'Have the operator see that the role is there and that Latchkey may read it, its policies and its boundary.',
  }
  const { iam, sts, log } = needs
  const [identity, role] = await askAws(asking, log, () => Promise.all([readIdentity(sts), readRole(iam, account)]))
  if (!role) throw notInOrder(log, account, 'OtherRole', ['The role of that name has another account or another path.'])
  const [boundary] = await askAws(asking, log, () =>
    Promise.all([readBoundary(iam, role), checkInlinePolicies(iam, roleName(role.arn))]),
  )
  const faults = [...boundary, ...trustFaults(role.trust, identity.arn)]
  if (faults.length > 0) throw notInOrder(log, account, 'RoleNotInOrder', faults)
  return { driver: 'session', account: account.id, roleArn: role.arn, roleId: role.roleId }
}

/** Without it, whoever may write the role's policies could write themselves anything. */
async function readBoundary(iam: IAMClient, { boundaryArn }: ElevationRole): Promise<readonly string[]> {
  if (boundaryArn === undefined) return ['The role has no permissions boundary.']
  return boundaryFaults(await readManagedPolicy(iam, boundaryArn))
}

/** There must be room to deny, early, what is about to be granted. */
async function checkInlinePolicies(iam: IAMClient, role: string): Promise<void> {
  const names = await listInlinePolicies(iam, role)
  const policies = await Promise.all(
    names.map(async (name) => ({ name, text: await readInlinePolicy(iam, role, name) })),
  )
  const others = policies.filter(({ name }) => name !== DENY_POLICY)
  const denied = policies
    .filter(({ name }) => name === DENY_POLICY)
    .flatMap(({ text }) => parseDenyDocument(text).denied)
  const characters = others.reduce((sum, { text }) => sum + text.replace(/\s/g, '').length, 0)
  if (denied.length >= DENY_IDS_PER_ROLE || characters > OTHER_INLINE_CHARACTERS) refuseFullRole()
}

/** The faults name roles and accounts of others, so they are for the operator alone. */
function notInOrder(log: AwsLog, account: Account, awsCode: string, faults: readonly string[]): LatchkeyError {
  log.warn({ account: account.name, role: account.elevationRole, faults }, 'the elevation role is not in order')
  const next = `The elevation role of account ${account.name} is not in order. The operator's log says why.`
  return new LatchkeyError('AWS_REFUSED', { doing: `access to account ${account.name}`, awsCode, next })
}
