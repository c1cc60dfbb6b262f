import {
  GetPolicyCommand,
  GetPolicyVersionCommand,
  GetRoleCommand,
  GetRolePolicyCommand,
  type IAMClient,
  ListRolePoliciesCommand,
} from '@aws-sdk/client-iam'
import type { Account } from '../rules/rules.ts'

/** What AWS says about an elevation role. */
export interface ElevationRole {
  readonly arn: string
  readonly roleId: string
  /** The trust policy, as JSON. AWS sends it URL-encoded; here it is decoded. */
  readonly trust: string
  /** Undefined: it has no permissions boundary. */
  readonly boundaryArn: string | undefined
  /** The role's MaxSessionDuration. Undefined: AWS did not say. */
  readonly maxSessionSeconds: number | undefined
}

/** The role's name without path: IAM calls take no path, because a name is unique in its account. */
export function roleName(arnOrPath: string): string {
  return arnOrPath.slice(arnOrPath.lastIndexOf('/') + 1)
}

/**
 * @param role Path and name, as in the rules.
 * @returns undefined when the role of this name has another account or path than the rules say
 * Throws the SDK's errors.
 */
export async function readRole(iam: IAMClient, account: Account, role: string): Promise<ElevationRole | undefined> {
  const { Role } = await iam.send(new GetRoleCommand({ RoleName: roleName(role) }))
  if (!Role?.Arn?.endsWith(`:iam::${account.id}:role/${role}`) || !Role.RoleId) return undefined
  return {
    arn: Role.Arn,
    roleId: Role.RoleId,
    trust: decodeURIComponent(Role.AssumeRolePolicyDocument ?? ''),
    boundaryArn: Role.PermissionsBoundary?.PermissionsBoundaryArn,
    maxSessionSeconds: Role.MaxSessionDuration,
  }
}

export async function readManagedPolicy(iam: IAMClient, arn: string): Promise<string> {
  const { Policy } = await iam.send(new GetPolicyCommand({ PolicyArn: arn }))
  const version = new GetPolicyVersionCommand({ PolicyArn: arn, VersionId: Policy?.DefaultVersionId })
  const { PolicyVersion } = await iam.send(version)
  return decodeURIComponent(PolicyVersion?.Document ?? '')
}

export async function readInlinePolicy(iam: IAMClient, role: string, name: string): Promise<string> {
  const { PolicyDocument } = await iam.send(new GetRolePolicyCommand({ RoleName: role, PolicyName: name }))
  return decodeURIComponent(PolicyDocument ?? '')
}

export async function listInlinePolicies(iam: IAMClient, role: string): Promise<readonly string[]> {
  const names: string[] = []
  let marker: string | undefined
  do {
    const page = await iam.send(new ListRolePoliciesCommand({ RoleName: role, Marker: marker }))
    names.push(...(page.PolicyNames ?? []))
    marker = page.IsTruncated ? page.Marker : undefined
  } while (marker !== undefined)
  return names
}
