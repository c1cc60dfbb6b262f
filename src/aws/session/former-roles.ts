import { type IAMClient, ListRolesCommand, type Role } from '@aws-sdk/client-iam'
import type { FormerRole } from '../../grants/driver.ts'
import { elevationRoles } from '../../rules/principal-rules.ts'
import type { Account } from '../../rules/rules.ts'
import { type AwsLog, askAws } from '../aws-error.ts'
import { namesIdentity } from '../inspect/elevation-role-policies.ts'

/** The path of every elevation role; the schema of the rules accepts no other. */
const LATCHKEY_PATH = '/latchkey/'

interface FormerDeps {
  readonly iam: IAMClient
  /** ARN of the IAM role or user as which this process runs. */
  readonly us: string
  readonly log: AwsLog
}

/**
 * Roles below `/latchkey/` that the rules name neither as an elevation role nor as a hub. The rules may have named them
 * earlier.
 */
export async function readFormerRoles({ iam, us, log }: FormerDeps, account: Account): Promise<readonly FormerRole[]> {
  const callText = {
    doing: `to list the roles below ${LATCHKEY_PATH} of account ${account.name}`,
    next: 'Have the operator apply the Terraform module again: workers need iam:ListRoles.',
  }
  const hubs = account.hub ? [account.hub.role, account.hub.reader] : []
  const named = [...elevationRoles(account), ...hubs].map((role) => `arn:aws:iam::${account.id}:role/${role}`)
  const roles = await askAws(callText, log, () => listRoles(iam))
  return roles
    .filter(({ Arn = '' }) => !named.includes(Arn))
    .map(({ Arn = '', RoleId = '', AssumeRolePolicyDocument = '' }) => ({
      principal: { driver: 'session', account: account.id, roleArn: Arn, roleId: RoleId },
      trustsUs: namesIdentity(decodeURIComponent(AssumeRolePolicyDocument), us),
    }))
}

async function listRoles(iam: IAMClient): Promise<readonly Role[]> {
  const pages: Role[][] = []
  let marker: string | undefined
  do {
    const page = await iam.send(new ListRolesCommand({ PathPrefix: LATCHKEY_PATH, Marker: marker }))
    pages.push(page.Roles ?? [])
    marker = page.IsTruncated ? page.Marker : undefined
  } while (marker !== undefined)
  return pages.flat()
}
