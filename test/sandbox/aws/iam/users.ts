import { AwsError } from '../call.ts'
import { isoSeconds } from '../clock.ts'
import { demand, optional, readTags, type Xml } from '../query.ts'
import { InlinePolicies, longLivedKeyId, secretKey, type User, uniqueId } from '../state.ts'
import { ARN, allow, type IamAction, type IamCall, namedUser, noSuchEntity, PATH, ROLE_NAME } from './context.ts'
import { exists } from './roles.ts'

function createUser(iam: IamCall): Xml {
  const { core, form } = iam
  const userName = demand(form, 'UserName', ROLE_NAME)
  const path = optional(form, 'Path', PATH) ?? '/'
  const boundaryArn = optional(form, 'PermissionsBoundary', ARN)
  const arn = `arn:aws:iam::${core.state.account}:user${path}${userName}`
  allow(iam, arn, arn, boundaryArn === undefined ? {} : { 'iam:PermissionsBoundary': boundaryArn })
  if (core.state.users.has(userName)) throw exists(`User with name ${userName} already exists.`)
  if (boundaryArn !== undefined && !core.state.policies.has(boundaryArn)) {
    throw noSuchEntity(`Policy ${boundaryArn} does not exist or is not attachable.`)
  }
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

function createAccessKey(iam: IamCall): Xml {
  const { userName } = namedUser(iam)
  const { clock, state } = iam.core
  const held = [...state.accessKeys.values()].filter((key) => key.userName === userName)
  if (held.length >= 2) throw new AwsError('LimitExceeded', 409, 'Cannot exceed quota for AccessKeysPerUser: 2')
  const key = { accessKeyId: longLivedKeyId(), secretAccessKey: secretKey(), userName, createdAt: clock.now() }
  state.accessKeys.set(key.accessKeyId, key)
  return {
    AccessKey: {
      UserName: userName,
      AccessKeyId: key.accessKeyId,
      Status: 'Active',
      SecretAccessKey: key.secretAccessKey,
      CreateDate: isoSeconds(key.createdAt),
    },
  }
}

function userXml(user: User): Xml {
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
  CreateAccessKey: createAccessKey,
}
