import { AwsError } from '../call.ts'
import { isoSeconds } from '../clock.ts'
import { demand, encodeDocument, optional, readMembers, readTags, wholeNumber, type Xml } from '../query.ts'
import { type AwsState, InlinePolicies, type Role, uniqueId } from '../state.ts'
import {
  ARN,
  allow,
  attachedXml,
  DOCUMENT,
  type IamAction,
  type IamCall,
  namedRole,
  noSuchEntity,
  PATH,
  page,
  ROLE_NAME,
  refuseReserved,
} from './context.ts'
import { checkTrustPolicy, policySize } from './documents.ts'
import { trustedIds, trustToday } from './trust.ts'

const TRUST_QUOTA = 2048

function createRole(iam: IamCall): Xml {
  const { core, form } = iam
  const { state } = core
  const roleName = demand(form, 'RoleName', ROLE_NAME)
  const trustPolicy = demand(form, 'AssumeRolePolicyDocument', DOCUMENT)
  const path = optional(form, 'Path', PATH) ?? '/'
  const boundaryArn = optional(form, 'PermissionsBoundary', ARN)
  const maxSessionSeconds = sessionSeconds(iam)
  const arn = `arn:aws:iam::${state.account}:role${path}${roleName}`
  allow(iam, arn, arn, boundaryArn === undefined ? {} : { 'iam:PermissionsBoundary': boundaryArn })
  if (state.roles.has(roleName)) throw exists(`Role with name ${roleName} already exists.`)
  checkTrust(iam, trustPolicy)
  checkPolicyArn(iam, boundaryArn)
  const role: Role = {
    arn,
    roleId: uniqueId('AROA'),
    roleName,
    path,
    createdAt: core.clock.now(),
    description: form.Description ?? '',
    trustPolicy,
    trusted: trustedIds(trustPolicy, state),
    boundaryArn,
    maxSessionSeconds,
    inline: new InlinePolicies(),
    attached: new Set(),
    tags: new Map(readTags(form)),
  }
  state.roles.set(roleName, role)
  return { Role: roleXml(role, state) }
}

function getRole(iam: IamCall): Xml {
  return { Role: { ...roleXml(namedRole(iam), iam.core.state), RoleLastUsed: {} } }
}

/** ListRoles leaves out tags and the boundary; GetRole returns them. */
function listRoles(iam: IamCall): Xml {
  const { state } = iam.core
  const prefix = optional(iam.form, 'PathPrefix') ?? '/'
  allow(iam, `arn:aws:iam::${state.account}:role${prefix}`, `arn:aws:iam::${state.account}:role${prefix}`)
  const roles = [...state.roles.values()].filter((role) => role.path.startsWith(prefix))
  const { items, rest } = page(iam.form, roles)
  const bare = (role: Role): Xml => ({ ...roleXml(role, state), Tags: undefined, PermissionsBoundary: undefined })
  return { Roles: items.map(bare), ...rest }
}

function deleteRole(iam: IamCall): Xml {
  const role = namedRole(iam)
  refuseReserved(role)
  if (role.attached.size > 0) throw conflict('Cannot delete entity, must detach all policies first.')
  if (role.inline.current().size > 0) throw conflict('Cannot delete entity, must delete policies first.')
  iam.core.state.roles.delete(role.roleName)
  return undefined
}

function updateRole(iam: IamCall): Xml {
  const role = namedRole(iam)
  refuseReserved(role)
  if (iam.form.MaxSessionDuration !== undefined) role.maxSessionSeconds = sessionSeconds(iam)
  return {}
}

function updateAssumeRolePolicy(iam: IamCall): Xml {
  const document = demand(iam.form, 'PolicyDocument', DOCUMENT)
  const role = namedRole(iam)
  refuseReserved(role)
  checkTrust(iam, document)
  role.trustPolicy = document
  role.trusted = trustedIds(document, iam.core.state)
  return undefined
}

function putRolePermissionsBoundary(iam: IamCall): Xml {
  const boundaryArn = demand(iam.form, 'PermissionsBoundary', ARN)
  const role = namedRole(iam, { 'iam:PermissionsBoundary': boundaryArn })
  refuseReserved(role)
  checkPolicyArn(iam, boundaryArn)
  role.boundaryArn = boundaryArn
  return undefined
}

function deleteRolePermissionsBoundary(iam: IamCall): Xml {
  const role = namedRole(iam)
  refuseReserved(role)
  role.boundaryArn = undefined
  return undefined
}

function attachRolePolicy(iam: IamCall): Xml {
  const policyArn = demand(iam.form, 'PolicyArn', ARN)
  const role = namedRole(iam, { 'iam:PolicyARN': policyArn })
  refuseReserved(role)
  checkPolicyArn(iam, policyArn)
  if (role.attached.size >= 20) throw new AwsError('LimitExceeded', 409, 'Cannot exceed quota for PoliciesPerRole: 20')
  role.attached.add(policyArn)
  return undefined
}

function detachRolePolicy(iam: IamCall): Xml {
  const policyArn = demand(iam.form, 'PolicyArn', ARN)
  const role = namedRole(iam, { 'iam:PolicyARN': policyArn })
  refuseReserved(role)
  if (!role.attached.delete(policyArn)) throw noSuchEntity(`Policy ${policyArn} was not found.`)
  return undefined
}

function listAttachedRolePolicies(iam: IamCall): Xml {
  const { items, rest } = page(iam.form, attachedXml(namedRole(iam)))
  return { AttachedPolicies: items, ...rest }
}

function tagRole(iam: IamCall): Xml {
  const tags = readTags(iam.form)
  const role = namedRole(iam, { 'aws:TagKeys': tags.map(([key]) => key) })
  refuseReserved(role)
  const merged = new Map([...role.tags, ...tags])
  if (merged.size > 50) throw new AwsError('LimitExceeded', 409, 'The number of tags has reached the maximum limit.')
  for (const [key, value] of tags) role.tags.set(key, value)
  return undefined
}

function untagRole(iam: IamCall): Xml {
  const keys = readMembers(iam.form, 'TagKeys')
  const role = namedRole(iam, { 'aws:TagKeys': keys })
  refuseReserved(role)
  for (const key of keys) role.tags.delete(key)
  return undefined
}

function listRoleTags(iam: IamCall): Xml {
  const { items, rest } = page(iam.form, [...namedRole(iam).tags])
  return { Tags: items.map(([Key, Value]) => ({ Key, Value })), ...rest }
}

export function roleXml(role: Role, state: AwsState): { readonly [name: string]: Xml } {
  const boundary = role.boundaryArn && {
    PermissionsBoundaryType: 'Policy',
    PermissionsBoundaryArn: role.boundaryArn,
  }
  return {
    Path: role.path,
    RoleName: role.roleName,
    RoleId: role.roleId,
    Arn: role.arn,
    CreateDate: isoSeconds(role.createdAt),
    AssumeRolePolicyDocument: encodeDocument(trustToday(role, state)),
    Description: role.description || undefined,
    MaxSessionDuration: role.maxSessionSeconds,
    PermissionsBoundary: boundary,
    Tags: role.tags.size === 0 ? undefined : [...role.tags].map(([Key, Value]) => ({ Key, Value })),
  }
}

function sessionSeconds({ form }: IamCall): number {
  return wholeNumber(form, 'MaxSessionDuration', { least: 3600, most: 43_200, fallback: 3600 })
}

function checkTrust({ core }: IamCall, document: string): void {
  checkTrustPolicy(document, core.state)
  if (policySize(document) > TRUST_QUOTA) {
    throw new AwsError('LimitExceeded', 409, `Cannot exceed quota for ACLSizePerRole: ${TRUST_QUOTA}`)
  }
}

function checkPolicyArn({ core }: IamCall, arn: string | undefined): void {
  if (arn === undefined || core.state.policies.has(arn)) return
  throw noSuchEntity(`Policy ${arn} does not exist or is not attachable.`)
}

export function exists(message: string): AwsError {
  return new AwsError('EntityAlreadyExists', 409, message)
}

export function conflict(message: string): AwsError {
  return new AwsError('DeleteConflict', 409, message)
}

export const ROLE_ACTIONS: Readonly<Record<string, IamAction>> = {
  CreateRole: createRole,
  GetRole: getRole,
  ListRoles: listRoles,
  UpdateRole: updateRole,
  DeleteRole: deleteRole,
  UpdateAssumeRolePolicy: updateAssumeRolePolicy,
  PutRolePermissionsBoundary: putRolePermissionsBoundary,
  DeleteRolePermissionsBoundary: deleteRolePermissionsBoundary,
  AttachRolePolicy: attachRolePolicy,
  DetachRolePolicy: detachRolePolicy,
  ListAttachedRolePolicies: listAttachedRolePolicies,
  TagRole: tagRole,
  UntagRole: untagRole,
  ListRoleTags: listRoleTags,
}
