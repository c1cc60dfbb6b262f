import {
  DeleteRolePolicyCommand,
  DeleteUserPolicyCommand,
  GetUserPolicyCommand,
  type IAMClient,
  ListUserPoliciesCommand,
  PutRolePolicyCommand,
  PutUserPolicyCommand,
} from '@aws-sdk/client-iam'
import type { IamEntity } from '../grants/driver.ts'
import { listInlinePolicies, readInlinePolicy } from './elevation-role.ts'

/**
 * Inline policies of a role or user. IAM has one set of calls for roles and one for users. All throw the SDK's errors.
 */

type Named = Pick<IamEntity, 'kind' | 'name'>

export async function listPolicies(iam: IAMClient, { kind, name }: Named): Promise<readonly string[]> {
  return kind === 'role' ? await listInlinePolicies(iam, name) : await listUserPolicies(iam, name)
}

async function listUserPolicies(iam: IAMClient, UserName: string): Promise<readonly string[]> {
  const names: string[] = []
  let marker: string | undefined
  do {
    const page = await iam.send(new ListUserPoliciesCommand({ UserName, Marker: marker }))
    names.push(...(page.PolicyNames ?? []))
    marker = page.IsTruncated ? page.Marker : undefined
  } while (marker !== undefined)
  return names
}

export async function readPolicy(iam: IAMClient, { kind, name }: Named, PolicyName: string): Promise<string> {
  if (kind === 'role') return await readInlinePolicy(iam, name, PolicyName)
  const { PolicyDocument } = await iam.send(new GetUserPolicyCommand({ UserName: name, PolicyName }))
  return decodeURIComponent(PolicyDocument ?? '')
}

/** Replaces the policy of that name. Doing it twice is safe. */
export async function putPolicy(
  iam: IAMClient,
  { kind, name }: Named,
  PolicyName: string,
  PolicyDocument: string,
): Promise<void> {
  if (kind === 'role') await iam.send(new PutRolePolicyCommand({ RoleName: name, PolicyName, PolicyDocument }))
  else await iam.send(new PutUserPolicyCommand({ UserName: name, PolicyName, PolicyDocument }))
}

export async function deletePolicy(iam: IAMClient, { kind, name }: Named, PolicyName: string): Promise<void> {
  if (kind === 'role') await iam.send(new DeleteRolePolicyCommand({ RoleName: name, PolicyName }))
  else await iam.send(new DeleteUserPolicyCommand({ UserName: name, PolicyName }))
}
