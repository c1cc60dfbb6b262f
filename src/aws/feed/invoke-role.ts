import {
  CreateRoleCommand,
  DeleteRoleCommand,
  DeleteRolePolicyCommand,
  GetRoleCommand,
  GetRolePolicyCommand,
  ListAttachedRolePoliciesCommand,
  ListRolePoliciesCommand,
  PutRolePolicyCommand,
  UpdateAssumeRolePolicyCommand,
} from '@aws-sdk/client-iam'
import { isAwsCode } from '../aws-error.ts'
import { askFor, orAbsent, type RegionClients } from '../region-clients.ts'
import { type DesiredState, INVOKE_ROLE, invokeRights, invokeTrust, TAGS } from './desired-state.ts'
import { isSameJson } from './same-json.ts'

/** The role as which EventBridge calls the API destination. One role serves all regions of the account. */
export interface InvokeRoleState {
  /** The trust policy, as JSON. */
  readonly trust: string
  /** The inline policy `invoke`, as JSON; empty: it is missing. */
  readonly rights: string
  /** Names of policies that Latchkey did not write. */
  readonly others: readonly string[]
}

const RoleName = INVOKE_ROLE
const PolicyName = 'invoke'

export async function readInvokeRole(clients: RegionClients): Promise<InvokeRoleState | undefined> {
  const response = await orAbsent(
    askFor(clients, `to show the role ${RoleName}`, () => clients.iam.send(new GetRoleCommand({ RoleName }))),
  )
  if (response === undefined) return undefined
  const [rights, inline, attached] = await askFor(clients, `to show the policies of the role ${RoleName}`, () =>
    Promise.all([
      readRights(clients),
      clients.iam.send(new ListRolePoliciesCommand({ RoleName })),
      clients.iam.send(new ListAttachedRolePoliciesCommand({ RoleName })),
    ]),
  )
  return {
    trust: decodeURIComponent(response.Role?.AssumeRolePolicyDocument ?? ''),
    rights,
    others: [
      ...(inline.PolicyNames ?? []).filter((name) => name !== PolicyName),
      ...(attached.AttachedPolicies ?? []).flatMap((policy) => policy.PolicyName ?? []),
    ],
  }
}

async function readRights(clients: RegionClients): Promise<string> {
  const response = await orAbsent(
    askFor(clients, `to show the policy of the role ${RoleName}`, () =>
      clients.iam.send(new GetRolePolicyCommand({ RoleName, PolicyName })),
    ),
  )
  return decodeURIComponent(response?.PolicyDocument ?? '')
}

export function invokeRoleFaults({ feedRegion }: DesiredState, actual: InvokeRoleState): readonly string[] {
  return [
    ...(isSameJson(actual.trust, invokeTrust(feedRegion)) ? [] : ['has another trust policy']),
    ...(isSameJson(actual.rights, invokeRights(feedRegion))
      ? []
      : ['has not the right to invoke our API destinations, and only that']),
    ...actual.others.map((name) => `has the policy ${name}, which is not ours: take it away by hand`),
  ]
}

export async function putInvokeRole(clients: RegionClients, { feedRegion }: DesiredState): Promise<void> {
  const trust = JSON.stringify(invokeTrust(feedRegion))
  const { iam } = clients
  await askFor(clients, `to make the role ${RoleName}`, async () => {
    if ((await readInvokeRole(clients)) === undefined) await createRole(clients, trust)
    await iam.send(new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument: trust }))
    const PolicyDocument = JSON.stringify(invokeRights(feedRegion))
    await iam.send(new PutRolePolicyCommand({ RoleName, PolicyName, PolicyDocument }))
  })
}

async function createRole(clients: RegionClients, AssumeRolePolicyDocument: string): Promise<void> {
  const Description = 'EventBridge calls Latchkey as this role'
  const command = new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument, Description, Tags: TAGS })
  try {
    await askFor(clients, `to make the role ${RoleName}`, () => clients.iam.send(command))
  } catch (error) {
    // The SDK may have repeated a create whose answer was lost.
    if (!isAwsCode(error, 'EntityAlreadyExistsException', 'EntityAlreadyExists')) throw error
  }
}

export async function deleteInvokeRole(clients: RegionClients): Promise<void> {
  await orAbsent(
    askFor(clients, `to take the policy from the role ${RoleName}`, () =>
      clients.iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName })),
    ),
  )
  await orAbsent(
    askFor(clients, `to delete the role ${RoleName}`, () => clients.iam.send(new DeleteRoleCommand({ RoleName }))),
  )
}
