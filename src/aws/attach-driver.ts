import {
  DeleteRolePolicyCommand,
  DeleteUserPolicyCommand,
  type IAMClient,
  ListUserPoliciesCommand,
} from '@aws-sdk/client-iam'
import { LatchkeyError } from '../errors.ts'
import type { Attached, Target } from '../grants/driver.ts'
import { isGrantPolicy } from '../grants/target.ts'
import type { Rules } from '../rules/rules-file.ts'
import { type AwsLog, askAws, isAwsCode } from './aws-error.ts'
import { awsClients } from './clients.ts'
import type { AttachDriver } from './driver.ts'
import { listInlinePolicies } from './elevation-role.ts'

export interface AttachDriverNeeds extends Pick<Rules, 'accounts' | 'buckets' | 'principals'> {
  readonly log: AwsLog
}

interface Context extends AttachDriverNeeds {
  readonly iam: IAMClient
}

/** Grants as inline policies on the person's own role or user. */
export function attachDriver(needs: AttachDriverNeeds): AttachDriver {
  const context = { ...needs, iam: awsClients().iam }
  return {
    preflight: () => Promise.reject(notYet()),
    activate: () => Promise.reject(notYet()),
    targets: () => targetsOf(needs),
    holder: () => Promise.reject(notYet()),
    attached: (target) => listAttached(context, target),
    detach: (target, policyName) => detach(context, target, policyName),
  }
}

function notYet(): LatchkeyError {
  return new LatchkeyError('NOT_ELIGIBLE', { reason: 'The driver attach is being built.', mayAsk: [] })
}

function targetsOf({ accounts, principals }: AttachDriverNeeds): readonly Target[] {
  return [...principals].flatMap(([name, rows]) => {
    const account = accounts.get(name)?.id
    return account === undefined ? [] : rows.map((row) => ({ account, kind: row.kind, name: row.name }))
  })
}

async function listAttached({ iam, log }: Context, { kind, name }: Target): Promise<readonly Attached[]> {
  const asking = { doing: `to show the inline policies of ${kind} ${name}`, next: 'Have the operator look.' }
  try {
    const names = await askAws(asking, log, () => (kind === 'role' ? listInlinePolicies(iam, name) : ofUser(iam, name)))
    return names.filter(isGrantPolicy).map((policyName) => ({ policyName }))
  } catch (error) {
    if (isAwsCode(error, 'NoSuchEntityException')) return []
    throw error
  }
}

async function ofUser(iam: IAMClient, UserName: string): Promise<readonly string[]> {
  const { PolicyNames } = await iam.send(new ListUserPoliciesCommand({ UserName }))
  return PolicyNames ?? []
}

async function detach({ iam, log }: Context, { kind, name }: Target, PolicyName: string): Promise<void> {
  const asking = { doing: `to take ${PolicyName} from ${kind} ${name}`, next: 'Have the operator look.' }
  try {
    await askAws(asking, log, async () => {
      if (kind === 'role') await iam.send(new DeleteRolePolicyCommand({ RoleName: name, PolicyName }))
      else await iam.send(new DeleteUserPolicyCommand({ UserName: name, PolicyName }))
    })
  } catch (error) {
    if (!isAwsCode(error, 'NoSuchEntityException')) throw error
  }
}
