import type { SandboxCore } from './call.ts'
import { checkIdentityPolicy, checkTrustPolicy, policySize } from './iam/documents.ts'
import { type AwsState, InlinePolicies, longLivedKeyId, type Role, secretKey, type User, uniqueId } from './state.ts'

/** Sets up what an owner would have set up in the account before Latchkey is started. */

export interface SeedOptions {
  readonly buckets?: readonly { readonly name: string; readonly region?: string }[]
  /** Elevation roles, all in the path `/latchkey/`. */
  readonly roleNames?: readonly string[]
  readonly maxSessionSeconds?: number
}

export interface KeyPair {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

export interface SeededLatchkey {
  readonly boundaryArn: string
  /** By role name, in the order asked for. */
  readonly roles: readonly Role[]
  readonly buckets: readonly string[]
  readonly keys: {
    /** `latchkey-web`: enters elevation roles, reads what preflight compares. */
    readonly web: KeyPair
    /** `latchkey-workers`: the same, and writes the elevation roles' inline policies. */
    readonly workers: KeyPair
    /** A person's everyday access: reads the buckets. */
    readonly everyday: KeyPair
    /** May do everything. */
    readonly owner: KeyPair
  }
}

const OBJECT_ACTIONS = [
  's3:GetObject',
  's3:GetObjectTagging',
  's3:PutObject',
  's3:PutObjectTagging',
  's3:AbortMultipartUpload',
  's3:ListMultipartUploadParts',
  's3:DeleteObject',
  's3:DeleteObjectTagging',
]
const BUCKET_ACTIONS = ['s3:ListBucket', 's3:ListBucketMultipartUploads']

/** What no level may do, whatever is ever written into the role: access lists, policies, versions, retention. */
const NEVER = [
  ...['s3:PutObjectAcl', 's3:PutObjectVersionAcl', 's3:PutBucket*', 's3:DeleteBucket*', 's3:Put*Configuration'],
  ...['s3:DeleteObjectVersion', 's3:PutObjectRetention', 's3:PutObjectLegalHold', 's3:BypassGovernanceRetention'],
  ...['s3:ObjectOwnerOverrideToBucketOwner', 's3:Replicate*'],
]

const NEVER_WIDEN = [
  ...['iam:PutRolePermissionsBoundary', 'iam:DeleteRolePermissionsBoundary', 'iam:CreatePolicyVersion'],
  ...['iam:SetDefaultPolicyVersion', 'iam:UpdateAssumeRolePolicy', 'iam:UpdateRole', 'iam:AttachRolePolicy'],
  ...['iam:TagRole', 'iam:UntagRole', 'iam:PassRole', 'iam:CreateRole', 'iam:CreateUser', 'iam:CreateAccessKey'],
]

export function seedLatchkey({ state, clock }: SandboxCore, options: SeedOptions = {}): SeededLatchkey {
  const { buckets = [{ name: 'finance-reports' }], roleNames = ['prod'], maxSessionSeconds = 3600 } = options
  const at = clock.now()
  const names = buckets.map(({ name }) => name)
  for (const { name, region = state.region } of buckets) {
    state.buckets.set(name, { name, region, account: state.account, policy: undefined })
  }
  const boundaryArn = addPolicy(state, at, 'latchkey-boundary', [
    ...bucketRights(names),
    { Sid: 'Never', Effect: 'Deny', Action: NEVER, Resource: '*' },
  ])
  const web = addUser(state, at, 'latchkey-web', webRights(state.account))
  const workers = addUser(state, at, 'latchkey-workers', workersRights(state.account, boundaryArn))
  const everyday = addUser(state, at, 'everyday', everydayRights(names))
  const owner = addUser(state, at, 'owner', [{ Effect: 'Allow', Action: '*', Resource: '*' }])
  const trusted = [web.arn, workers.arn]
  const roles = roleNames.map((roleName) => {
    const role = elevationRole(state, at, { roleName, boundaryArn, trusted, maxSessionSeconds })
    putInline(role, 'latchkey-elevation', bucketRights(names))
    return role
  })
  const keys = {
    web: addKey(state, at, web),
    workers: addKey(state, at, workers),
    everyday: addKey(state, at, everyday),
    owner: addKey(state, at, owner),
  }
  return { boundaryArn, roles, buckets: names, keys }
}

type Statements = readonly object[]

function bucketRights(names: readonly string[]): Statements {
  return [
    { Sid: 'Objects', Effect: 'Allow', Action: OBJECT_ACTIONS, Resource: names.map((one) => `arn:aws:s3:::${one}/*`) },
    { Sid: 'Names', Effect: 'Allow', Action: BUCKET_ACTIONS, Resource: names.map((one) => `arn:aws:s3:::${one}`) },
  ]
}

function webRights(account: string): Statements {
  const roles = `arn:aws:iam::${account}:role/latchkey/*`
  return [
    {
      Sid: 'Vend',
      Effect: 'Allow',
      Action: ['sts:AssumeRole', 'sts:SetSourceIdentity', 'sts:TagSession'],
      Resource: roles,
    },
    {
      Sid: 'ReadRoles',
      Effect: 'Allow',
      Action: ['iam:GetRole', 'iam:GetRolePolicy', 'iam:ListRolePolicies', 'iam:ListAttachedRolePolicies'],
      Resource: roles,
    },
    {
      Sid: 'ReadBoundary',
      Effect: 'Allow',
      Action: ['iam:GetPolicy', 'iam:GetPolicyVersion'],
      Resource: `arn:aws:iam::${account}:policy/latchkey/*`,
    },
    { Sid: 'NeverWiden', Effect: 'Deny', Action: NEVER_WIDEN, Resource: '*' },
  ]
}

/** No condition key names an inline policy: the boundary alone keeps whoever writes the role from writing themselves anything. */
function workersRights(account: string, boundaryArn: string): Statements {
  return [
    ...webRights(account),
    {
      Sid: 'WriteDeny',
      Effect: 'Allow',
      Action: 'iam:PutRolePolicy',
      Resource: `arn:aws:iam::${account}:role/latchkey/*`,
      Condition: { StringEquals: { 'iam:PermissionsBoundary': boundaryArn } },
    },
  ]
}

function everydayRights(names: readonly string[]): Statements {
  return [
    { Effect: 'Allow', Action: 's3:GetObject', Resource: names.map((one) => `arn:aws:s3:::${one}/*`) },
    { Effect: 'Allow', Action: 's3:ListBucket', Resource: names.map((one) => `arn:aws:s3:::${one}`) },
  ]
}

interface RoleDraft {
  readonly roleName: string
  readonly boundaryArn: string
  readonly trusted: readonly string[]
  readonly maxSessionSeconds: number
}

function elevationRole(state: AwsState, at: number, draft: RoleDraft): Role {
  const { roleName, boundaryArn, trusted, maxSessionSeconds } = draft
  const trustPolicy = document([
    {
      Sid: 'BrokersOnly',
      Effect: 'Allow',
      Principal: { AWS: trusted },
      Action: 'sts:AssumeRole',
      Condition: { StringLike: { 'sts:RoleSessionName': 'g-*', 'sts:SourceIdentity': '*' } },
    },
    {
      Sid: 'SetId',
      Effect: 'Allow',
      Principal: { AWS: trusted },
      Action: ['sts:SetSourceIdentity', 'sts:TagSession'],
      Condition: { StringLike: { 'sts:SourceIdentity': '*' } },
    },
  ])
  checkTrustPolicy(trustPolicy, state)
  const role: Role = {
    arn: `arn:aws:iam::${state.account}:role/latchkey/${roleName}`,
    roleId: uniqueId('AROA'),
    roleName,
    path: '/latchkey/',
    createdAt: at,
    description: 'Elevation role of Latchkey',
    trustPolicy,
    boundaryArn,
    maxSessionSeconds,
    inline: new InlinePolicies(),
    attached: new Set(),
    tags: new Map(),
  }
  state.roles.set(roleName, role)
  return role
}

function addUser(state: AwsState, at: number, userName: string, rights: Statements): User {
  const user: User = {
    arn: `arn:aws:iam::${state.account}:user/${userName}`,
    userId: uniqueId('AIDA'),
    userName,
    path: '/',
    createdAt: at,
    boundaryArn: undefined,
    inline: new InlinePolicies(),
    attached: new Set(),
    tags: new Map(),
  }
  putInline(user, `${userName}-rights`, rights)
  state.users.set(userName, user)
  return user
}

function addKey(state: AwsState, at: number, { userName }: User): KeyPair {
  const key = { accessKeyId: longLivedKeyId(), secretAccessKey: secretKey(), userName, createdAt: at }
  state.accessKeys.set(key.accessKeyId, key)
  return { accessKeyId: key.accessKeyId, secretAccessKey: key.secretAccessKey }
}

function addPolicy(state: AwsState, at: number, policyName: string, rights: Statements): string {
  const arn = `arn:aws:iam::${state.account}:policy/latchkey/${policyName}`
  const text = document(rights)
  checkIdentityPolicy(text)
  state.policies.set(arn, {
    arn,
    policyId: uniqueId('ANPA'),
    policyName,
    path: '/latchkey/',
    description: '',
    createdAt: at,
    versions: new Map([['v1', { document: text, createdAt: at }]]),
    defaultVersionId: 'v1',
  })
  return arn
}

/** In force from the first moment, however far enforcement lags behind later changes. */
function putInline(holder: Role | User, name: string, rights: Statements): void {
  const text = document(rights)
  checkIdentityPolicy(text)
  const quota = 'roleId' in holder ? 10_240 : 2048
  if (policySize(text) > quota) throw new RangeError(`${name} has ${policySize(text)} of ${quota} characters`)
  holder.inline.put(name, text, 0)
}

function document(statements: Statements): string {
  return JSON.stringify({ Version: '2012-10-17', Statement: statements })
}
