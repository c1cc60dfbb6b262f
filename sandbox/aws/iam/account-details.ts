import { AwsError } from '../call.ts'

import { demand, encodeDocument, optional, readMembers, type Xml } from '../query.ts'
import type { ManagedPolicy, Role, User } from '../state.ts'
import { ARN, allow, attachedXml, type IamAction, type IamCall, noSuchEntity, PATH, page } from './context.ts'
import { policyXml, versionXml } from './managed.ts'
import { roleXml } from './roles.ts'
import { userXml } from './users.ts'

/** The calls that read standing rights: GetAccountAuthorizationDetails and ListEntitiesForPolicy. */

type Entity =
  | { readonly kind: 'User'; readonly user: User }
  | { readonly kind: 'Role'; readonly role: Role }
  | { readonly kind: 'LocalManagedPolicy'; readonly policy: ManagedPolicy }

const KINDS = ['User', 'Role', 'Group', 'LocalManagedPolicy', 'AWSManagedPolicy']

/** Returns users, roles and policies page by page. The sandbox has no groups and no AWS managed policies. */
function getAccountAuthorizationDetails(iam: IamCall): Xml {
  allow(iam, '*', '*')
  const wanted = readMembers(iam.form, 'Filter')
  for (const kind of wanted) if (!KINDS.includes(kind)) throw invalidFilter(kind)
  const { state } = iam.core
  const all: Entity[] = [
    ...[...state.users.values()].map((user) => ({ kind: 'User', user }) as const),
    ...[...state.roles.values()].map((role) => ({ kind: 'Role', role }) as const),
    ...[...state.policies.values()].map((policy) => ({ kind: 'LocalManagedPolicy', policy }) as const),
  ]
  const { items, rest } = page(
    iam.form,
    all.filter(({ kind }) => wanted.length === 0 || wanted.includes(kind)),
  )
  return {
    UserDetailList: items.flatMap((one) => (one.kind === 'User' ? [userDetail(one.user)] : [])),
    GroupDetailList: [],
    RoleDetailList: items.flatMap((one) => (one.kind === 'Role' ? [roleDetail(iam, one.role)] : [])),
    Policies: items.flatMap((one) => (one.kind === 'LocalManagedPolicy' ? [policyDetail(iam, one.policy)] : [])),
    ...rest,
  }
}

function userDetail(user: User): Xml {
  return {
    ...userXml(user),
    UserPolicyList: inlineXml(user),
    GroupList: [],
    AttachedManagedPolicies: attachedXml(user),
  }
}

function roleDetail({ core }: IamCall, role: Role): Xml {
  const { Description: _, MaxSessionDuration: __, ...shown } = roleXml(role, core.state)
  return {
    ...shown,
    InstanceProfileList: [],
    RolePolicyList: inlineXml(role),
    AttachedManagedPolicies: attachedXml(role),
    RoleLastUsed: {},
  }
}

function policyDetail(iam: IamCall, policy: ManagedPolicy): Xml {
  const versions = [...policy.versions].map(([versionId, version]) => ({
    Document: encodeDocument(version.document),
    ...versionXml(policy, versionId, version),
  }))
  return { ...policyXml(iam, policy), PolicyVersionList: versions }
}

function inlineXml({ inline }: Role | User): Xml {
  return [...inline.current()].map(([PolicyName, text]) => ({ PolicyName, PolicyDocument: encodeDocument(text) }))
}

function invalidFilter(kind: string): AwsError {
  const message = `1 validation error detected: Value '${kind}' at 'filter' failed to satisfy constraint: Member must satisfy enum value set: [${KINDS.join(', ')}]`
  return new AwsError('ValidationError', 400, message)
}

function listEntitiesForPolicy(iam: IamCall): Xml {
  const arn = demand(iam.form, 'PolicyArn', ARN)
  const kind = optional(iam.form, 'EntityFilter')
  const prefix = optional(iam.form, 'PathPrefix', PATH) ?? '/'
  const usage = optional(iam.form, 'PolicyUsageFilter') ?? 'PermissionsPolicy'
  const { state } = iam.core
  allow(iam, arn, `policy ${arn}`)
  if (!state.policies.has(arn)) throw noSuchEntity(`Policy ${arn} was not found.`)
  const holds = (one: Role | User) =>
    usage === 'PermissionsBoundary' ? one.boundaryArn === arn : one.attached.has(arn)
  const all = [...state.users.values(), ...state.roles.values()]
    .filter((one) => holds(one) && one.path.startsWith(prefix))
    .filter((one) => kind === undefined || kind === ('roleId' in one ? 'Role' : 'User'))
  const { items, rest } = page(iam.form, all)
  return {
    PolicyGroups: [],
    PolicyUsers: items.flatMap((one) => ('userId' in one ? [{ UserName: one.userName, UserId: one.userId }] : [])),
    PolicyRoles: items.flatMap((one) => ('roleId' in one ? [{ RoleName: one.roleName, RoleId: one.roleId }] : [])),
    ...rest,
  }
}

export const ACCOUNT_ACTIONS: Readonly<Record<string, IamAction>> = {
  GetAccountAuthorizationDetails: getAccountAuthorizationDetails,
  ListEntitiesForPolicy: listEntitiesForPolicy,
}
