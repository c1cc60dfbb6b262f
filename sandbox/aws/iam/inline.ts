import { AwsError } from '../call.ts'
import { demand, encodeDocument } from '../query.ts'
import type { Role, User } from '../state.ts'
import {
  DOCUMENT,
  type IamAction,
  type IamCall,
  namedRole,
  namedUser,
  noSuchEntity,
  POLICY_NAME,
  page,
  refuseReserved,
} from './context.ts'
import { checkIdentityPolicy, policySize } from './documents.ts'

/** Inline policies of roles and users: the same calls with different names and quotas (IAM quotas, "Inline policies"). */

/** A role or user with its names and quota. */
interface NamedEntity {
  readonly kind: 'role' | 'user'
  readonly name: string
  readonly quota: number
  readonly entity: Role | User
}

function ofRole(iam: IamCall): NamedEntity {
  const role = namedRole(iam)
  return { kind: 'role', name: role.roleName, quota: 10_240, entity: role }
}

function ofUser(iam: IamCall): NamedEntity {
  const user = namedUser(iam)
  return { kind: 'user', name: user.userName, quota: 2048, entity: user }
}

function put(find: (iam: IamCall) => NamedEntity): IamAction {
  return (iam) => {
    const policyName = demand(iam.form, 'PolicyName', POLICY_NAME)
    const document = demand(iam.form, 'PolicyDocument', DOCUMENT)
    const { kind, name, quota, entity } = find(iam)
    if ('roleId' in entity) refuseReserved(entity)
    checkIdentityPolicy(document)
    const others = [...entity.inline.current()].filter(([one]) => one !== policyName)
    const size = others.reduce((sum, [, text]) => sum + policySize(text), policySize(document))
    if (size > quota) {
      throw new AwsError('LimitExceeded', 409, `Maximum policy size of ${quota} bytes exceeded for ${kind} ${name}`)
    }
    entity.inline.put(policyName, document, iam.core.clock.now())
    return undefined
  }
}

function get(find: (iam: IamCall) => NamedEntity, nameField: string): IamAction {
  return (iam) => {
    const policyName = demand(iam.form, 'PolicyName', POLICY_NAME)
    const { kind, name, entity } = find(iam)
    const document = entity.inline.current().get(policyName)
    if (document === undefined) throw noPolicy(kind, policyName)
    return { [nameField]: name, PolicyName: policyName, PolicyDocument: encodeDocument(document) }
  }
}

function list(find: (iam: IamCall) => NamedEntity): IamAction {
  return (iam) => {
    const { items, rest } = page(iam.form, [...find(iam).entity.inline.current().keys()].sort())
    return { PolicyNames: items, ...rest }
  }
}

function remove(find: (iam: IamCall) => NamedEntity): IamAction {
  return (iam) => {
    const policyName = demand(iam.form, 'PolicyName', POLICY_NAME)
    const { kind, entity } = find(iam)
    if ('roleId' in entity) refuseReserved(entity)
    if (!entity.inline.delete(policyName, iam.core.clock.now())) throw noPolicy(kind, policyName)
    return undefined
  }
}

function noPolicy(kind: NamedEntity['kind'], policyName: string): AwsError {
  return noSuchEntity(`The ${kind} policy with name ${policyName} cannot be found.`)
}

export const INLINE_ACTIONS: Readonly<Record<string, IamAction>> = {
  PutRolePolicy: put(ofRole),
  GetRolePolicy: get(ofRole, 'RoleName'),
  ListRolePolicies: list(ofRole),
  DeleteRolePolicy: remove(ofRole),
  PutUserPolicy: put(ofUser),
  GetUserPolicy: get(ofUser, 'UserName'),
  ListUserPolicies: list(ofUser),
  DeleteUserPolicy: remove(ofUser),
}
