import { type IAMClient, ListRolesCommand } from '@aws-sdk/client-iam'
import { letsIn } from '../grants/compare.ts'
import { DENY_POLICY } from '../grants/deny-document.ts'
import type { SessionPrincipal } from '../grants/driver.ts'
import { elevationRoles } from '../rules/elevation-roles.ts'
import type { Account } from '../rules/rules-file.ts'
import { type AwsLog, askAws } from './aws-error.ts'
import { listInlinePolicies, roleName } from './elevation-role.ts'

/** Every elevation role lies there: the rules take no other path. */
const OUR_PATH = '/latchkey/'

interface FormerNeeds {
  readonly iam: IAMClient
  /** The IAM ARN of this process. */
  readonly us: string
  readonly log: AwsLog
}

/**
 * Roles of the account that the rules named once and name no more: in our path, with a Deny document of ours, and with a trust policy that lets this
 * process in, so that those of another Latchkey in the same account are not taken for our own. AWS is asked and not the record: that may be what was lost.
 */
export async function readFormerRoles(
  { iam, us, log }: FormerNeeds,
  account: Account,
): Promise<readonly SessionPrincipal[]> {
  const asking = {
    doing: `to list the roles below ${OUR_PATH} of account ${account.name}`,
    next: 'Have the operator apply the Terraform module again: workers need iam:ListRoles.',
  }
  // Hubs let us in too, and are no elevation roles: nobody may read their policies.
  const hubs = account.hub ? [account.hub.role, account.hub.reader] : []
  const named = [...elevationRoles(account), ...hubs].map(roleName)
  const roles = (await askAws(asking, log, () => listRoles(iam))).filter(
    ({ RoleName = '', AssumeRolePolicyDocument = '' }) =>
      !named.includes(RoleName) && letsIn(decodeURIComponent(AssumeRolePolicyDocument), us),
  )
  const held = await Promise.all(roles.map(({ RoleName = '' }) => readPolicies({ iam, us, log }, RoleName)))
  return roles
    .filter((_, position) => held[position]?.includes(DENY_POLICY))
    .map(({ Arn = '', RoleId = '' }) => ({ driver: 'session', account: account.id, roleArn: Arn, roleId: RoleId }))
}

function readPolicies({ iam, log }: FormerNeeds, role: string): Promise<readonly string[]> {
  const asking = {
    doing: `to show the policies of ${role}, a role that lets Latchkey in and that the rules do not name`,
    next: 'Delete it once nothing needs it: sessions of it may be alive for an hour after it left the rules.',
  }
  return askAws(asking, log, () => listInlinePolicies(iam, role))
}

async function listRoles(iam: IAMClient) {
  const pages = []
  let marker: string | undefined
  do {
    const page = await iam.send(new ListRolesCommand({ PathPrefix: OUR_PATH, Marker: marker }))
    pages.push(page.Roles ?? [])
    marker = page.IsTruncated ? page.Marker : undefined
  } while (marker !== undefined)
  return pages.flat()
}
