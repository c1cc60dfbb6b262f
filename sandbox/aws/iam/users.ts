import { AwsError } from '../call.ts'
import { isoSeconds } from '../clock.ts'
import { demand, optional, readMembers, readTags, type Xml } from '../query.ts'
import { type AccessKey, InlinePolicies, longLivedKeyId, secretKey, type User, uniqueId } from '../state.ts'
import {
  ARN,
  allow,
  attachedXml,
  type IamAction,
  type IamCall,
  namedUser,
  noSuchEntity,
  PATH,
  page,
  ROLE_NAME,
} from './context.ts'
import { conflict, exists } from './roles.ts'

function createUser(iam: IamCall): Xml {
  const { core, form } = iam
  const userName = demand(form, 'UserName', ROLE_NAME)
  const path = optional(form, 'Path', PATH) ?? '/'
  const boundaryArn = optional(form, 'PermissionsBoundary', ARN)
  const arn = `arn:aws:iam::${core.state.account}:user${path}${userName}`
  allow(iam, arn, arn, boundaryArn === undefined ? {} : { 'iam:PermissionsBoundary': boundaryArn })
  if (core.state.users.has(userName)) throw exists(`User with name ${userName} already exists.`)
  checkPolicyArn(iam, boundaryArn)
  const user: User = {
    arn,
    userId: uniqueId('AIDA'),
    userName,
    path,
    createdAt: core.clock.now(),
    boundaryArn,
    inline: new InlinePolicies(),
    attached: new Set(),
    tags: new Map(readTags(form)),
  }
  core.state.users.set(userName, user)
  return { User: userXml(user) }
}

function getUser(iam: IamCall): Xml {
  return { User: userXml(namedUser(iam)) }
}

/** ListUsers leaves out tags and the boundary; GetUser returns them. */
function listUsers(iam: IamCall): Xml {
  const { state } = iam.core
  const prefix = optional(iam.form, 'PathPrefix') ?? '/'
  const arn = `arn:aws:iam::${state.account}:user${prefix}`
  allow(iam, arn, arn)
  const { items, rest } = page(
    iam.form,
    [...state.users.values()].filter((user) => user.path.startsWith(prefix)),
  )
  const bare = (user: User): Xml => ({ ...userXml(user), Tags: undefined, PermissionsBoundary: undefined })
  return { Users: items.map(bare), ...rest }
}

function deleteUser(iam: IamCall): Xml {
  const { state } = iam.core
  const user = namedUser(iam)
  if (keysOf(iam, user).length > 0) throw conflict('Cannot delete entity, must delete access keys first.')
  if (user.attached.size > 0) throw conflict('Cannot delete entity, must detach all policies first.')
  if (user.inline.current().size > 0) throw conflict('Cannot delete entity, must delete policies first.')
  state.users.delete(user.userName)
  return undefined
}

function putUserPermissionsBoundary(iam: IamCall): Xml {
  const boundaryArn = demand(iam.form, 'PermissionsBoundary', ARN)
  const user = namedUser(iam, { 'iam:PermissionsBoundary': boundaryArn })
  checkPolicyArn(iam, boundaryArn)
  user.boundaryArn = boundaryArn
  return undefined
}

function deleteUserPermissionsBoundary(iam: IamCall): Xml {
  namedUser(iam).boundaryArn = undefined
  return undefined
}

function attachUserPolicy(iam: IamCall): Xml {
  const policyArn = demand(iam.form, 'PolicyArn', ARN)
  const user = namedUser(iam, { 'iam:PolicyARN': policyArn })
  checkPolicyArn(iam, policyArn)
  if (user.attached.size >= 10) throw new AwsError('LimitExceeded', 409, 'Cannot exceed quota for PoliciesPerUser: 10')
  user.attached.add(policyArn)
  return undefined
}

function detachUserPolicy(iam: IamCall): Xml {
  const policyArn = demand(iam.form, 'PolicyArn', ARN)
  const user = namedUser(iam, { 'iam:PolicyARN': policyArn })
  if (!user.attached.delete(policyArn)) throw noSuchEntity(`Policy ${policyArn} was not found.`)
  return undefined
}

function listAttachedUserPolicies(iam: IamCall): Xml {
  const { items, rest } = page(iam.form, attachedXml(namedUser(iam)))
  return { AttachedPolicies: items, ...rest }
}

/** Returns an empty list: the sandbox has no groups. */
function listGroupsForUser(iam: IamCall): Xml {
  namedUser(iam)
  return { Groups: [], IsTruncated: false }
}

function tagUser(iam: IamCall): Xml {
  const tags = readTags(iam.form)
  const user = namedUser(iam, { 'aws:TagKeys': tags.map(([key]) => key) })
  for (const [key, value] of tags) user.tags.set(key, value)
  return undefined
}

function untagUser(iam: IamCall): Xml {
  const keys = readMembers(iam.form, 'TagKeys')
  const user = namedUser(iam, { 'aws:TagKeys': keys })
  for (const key of keys) user.tags.delete(key)
  return undefined
}

function keysOf({ core }: IamCall, { userName }: User): AccessKey[] {
  return [...core.state.accessKeys.values()].filter((key) => key.userName === userName)
}

function createAccessKey(iam: IamCall): Xml {
  const user = namedUser(iam)
  const { clock, state } = iam.core
  if (keysOf(iam, user).length >= 2) {
    throw new AwsError('LimitExceeded', 409, 'Cannot exceed quota for AccessKeysPerUser: 2')
  }
  const accessKeyId = longLivedKeyId()
  const key: AccessKey = { accessKeyId, secretAccessKey: secretKey(), userName: user.userName, createdAt: clock.now() }
  state.accessKeys.set(accessKeyId, key)
  return { AccessKey: { ...keyXml(key), SecretAccessKey: key.secretAccessKey } }
}

function listAccessKeys(iam: IamCall): Xml {
  const { items, rest } = page(iam.form, keysOf(iam, namedUser(iam)))
  return { AccessKeyMetadata: items.map(keyXml), ...rest }
}

function updateAccessKey(iam: IamCall): Xml {
  const status = demand(iam.form, 'Status', { pattern: /Active|Inactive/ })
  namedKey(iam).inactive = status === 'Inactive'
  return undefined
}

function deleteAccessKey(iam: IamCall): Xml {
  iam.core.state.accessKeys.delete(namedKey(iam).accessKeyId)
  return undefined
}

function namedKey(iam: IamCall): AccessKey {
  const keyId = demand(iam.form, 'AccessKeyId', { shortest: 16, longest: 128 })
  const user = namedUser(iam)
  const key = keysOf(iam, user).find(({ accessKeyId }) => accessKeyId === keyId)
  if (key === undefined) throw noSuchEntity(`The Access Key with id ${keyId} cannot be found.`)
  return key
}

function keyXml({ userName, accessKeyId, inactive, createdAt }: AccessKey): { readonly [name: string]: Xml } {
  return {
    UserName: userName,
    AccessKeyId: accessKeyId,
    Status: inactive ? 'Inactive' : 'Active',
    CreateDate: isoSeconds(createdAt),
  }
}

function checkPolicyArn({ core }: IamCall, arn: string | undefined): void {
  if (arn === undefined || core.state.policies.has(arn)) return
  throw noSuchEntity(`Policy ${arn} does not exist or is not attachable.`)
}

export function userXml(user: User): { readonly [name: string]: Xml } {
  return {
    Path: user.path,
    UserName: user.userName,
    UserId: user.userId,
    Arn: user.arn,
    CreateDate: isoSeconds(user.createdAt),
    PermissionsBoundary: user.boundaryArn && {
      PermissionsBoundaryType: 'Policy',
      PermissionsBoundaryArn: user.boundaryArn,
    },
    Tags: user.tags.size === 0 ? undefined : [...user.tags].map(([Key, Value]) => ({ Key, Value })),
  }
}

export const USER_ACTIONS: Readonly<Record<string, IamAction>> = {
  CreateUser: createUser,
  GetUser: getUser,
  ListUsers: listUsers,
  DeleteUser: deleteUser,
  PutUserPermissionsBoundary: putUserPermissionsBoundary,
  DeleteUserPermissionsBoundary: deleteUserPermissionsBoundary,
  AttachUserPolicy: attachUserPolicy,
  DetachUserPolicy: detachUserPolicy,
  ListAttachedUserPolicies: listAttachedUserPolicies,
  ListGroupsForUser: listGroupsForUser,
  TagUser: tagUser,
  UntagUser: untagUser,
  CreateAccessKey: createAccessKey,
  ListAccessKeys: listAccessKeys,
  UpdateAccessKey: updateAccessKey,
  DeleteAccessKey: deleteAccessKey,
}
