import { type IAMClient, ListRolesCommand, type Role } from '@aws-sdk/client-iam'
import type { FormerRole } from '../../grants/driver.ts'
import { elevationRoles } from '../../rules/principal-rules.ts'
import type { Account } from '../../rules/rules.ts'
import { type AwsLog, askAws } from '../aws-error.ts'
import { namesUs } from '../inspect/elevation-role-policies.ts'

/** Every elevation role lies there: the rules take no other path. */
const OUR_PATH = '/latchkey/'

interface FormerDeps {
  readonly iam: IAMClient
  /** The IAM ARN of this process. */
  readonly us: string
  readonly log: AwsLog
}

/** Every role below our path that the rules do not name, neither as an elevation role nor as a hub. */
export async function readFormerRoles({ iam, us, log }: FormerDeps, account: Account): Promise<readonly FormerRole[]> {
  const asking = {
    doing: `to list the roles below ${OUR_PATH} of account ${account.name}`,
    next: 'Have the operator apply the Terraform module again: workers need iam:ListRoles.',
  }
  const hubs = account.hub ? [account.hub.role, account.hub.reader] : []
  const named = [...elevationRoles(account), ...hubs].map((role) => `arn:aws:iam::${account.id}:role/${role}`)
  const roles = await askAws(asking, log, () => listRoles(iam))
  return roles
    .filter(({ Arn = '' }) => !named.includes(Arn))
    .map(({ Arn = '', RoleId = '', AssumeRolePolicyDocument = '' }) => ({
      principal: { driver: 'session', account: account.id, roleArn: Arn, roleId: RoleId },
      trustsUs: namesUs(decodeURIComponent(AssumeRolePolicyDocument), us),
    }))
}

async function listRoles(iam: IAMClient): Promise<readonly Role[]> {
  const pages: Role[][] = []
  let marker: string | undefined
  do {
    const page = await iam.send(new ListRolesCommand({ PathPrefix: OUR_PATH, Marker: marker }))
    pages.push(page.Roles ?? [])
    marker = page.IsTruncated ? page.Marker : undefined
  } while (marker !== undefined)
  return pages.flat()
}
