import type { SandboxCore } from './core.ts'
import { checkIdentityPolicy, checkTrustPolicy, policySize } from './iam/documents.ts'
import { type DocumentName, type Installation, shippedDocument } from './policies.ts'
import { type AwsState, InlinePolicies, longLivedKeyId, type Role, secretKey, type User, uniqueId } from './state.ts'

/** Creates what an owner would create in the account before Latchkey starts, from the documents that `terraform/` ships. */

export interface SeedOptions {
  readonly buckets?: readonly { readonly name: string; readonly region?: string }[]
  /** Elevation roles, all below the path `/latchkey/`. */
  readonly roleNames?: readonly string[]
  /** The number of replicas of each role, the first included: `prod`, `prod-2`, … */
  readonly replicas?: number
  readonly maxSessionSeconds?: number
  /** ARNs of KMS keys that objects of the buckets may use. */
  readonly kmsKeys?: readonly string[]
  /** IAM entities that may hold grants of the driver `attach`. They are created with the boundary that Latchkey requires. */
  readonly entities?: readonly SeededEntity[]
  /** For the account that Latchkey runs in: the other accounts that it serves. Seed each of them afterwards with `home`. */
  readonly accounts?: readonly {
    readonly id: string
    readonly roleNames?: readonly string[]
    readonly replicas?: number
  }[]
  /** For another account: the account that Latchkey runs in, and the external id that its identities send. */
  readonly home?: { readonly account: string; readonly externalId: string }
}

export interface SeededEntity {
  readonly kind: 'role' | 'user'
  readonly name: string
  /** The trust policy of a role. */
  readonly trust?: string
}

export interface KeyPair {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

export interface SeededLatchkey {
  readonly boundaryArn: string
  /** ARN of the managed policy of elevation roles. */
  readonly elevationArn: string
  /** ARN of the permissions boundary of the IAM entities. */
  readonly attachBoundaryArn: string
  /** In the order of `roleNames`, each followed by its replicas. */
  readonly roles: readonly Role[]
  readonly buckets: readonly string[]
  /** In another account these are the keys of the account that Latchkey runs in, because web and workers have no other keys. */
  readonly keys: {
    /** `latchkey-web`: enters elevation roles and reads what preflight compares. */
    readonly web: KeyPair
    /** `latchkey-workers`: the same, and writes Deny documents and the policies of IAM entities. */
    readonly workers: KeyPair
    /** The user of a person's everyday access, which reads the buckets. */
    readonly everyday: KeyPair
    /** An administrator. */
    readonly owner: KeyPair
  }
}

export function seedLatchkey(core: SandboxCore, options: SeedOptions = {}): SeededLatchkey {
  const { state, clock } = core
  const { buckets = [{ name: 'finance-reports' }], entities = [], home } = options
  const at = clock.now()
  for (const { name, region = state.region } of buckets) {
    state.buckets.set(name, { name, region, account: state.account, policy: undefined })
  }
  const shipped = installationOf(state, options)
  const document = (name: DocumentName) => shippedDocument(name, shipped)
  const boundary = addPolicy(state, at, 'latchkey-boundary', document('elevation'))
  const elevation = addPolicy(state, at, 'latchkey-elevation', document('elevation'))
  const attachBoundary = addPolicy(state, at, 'latchkey-attach-boundary', document('attach_boundary'))
  const rights = {
    read: addPolicy(state, at, 'latchkey-read', document('read')),
    write: addPolicy(state, at, 'latchkey-write', document('write')),
  }
  const brokers =
    home === undefined ? addBrokers(state, at, { rights, document }) : brokersOf(core.account(home.account))
  if (home !== undefined) addHubs(state, at, { rights, document })
  const roles = shipped.elevationRoles.flatMap(replicaNames).map((roleName) => {
    const role = addRole(state, at, `latchkey/${roleName}`, document('trust'))
    role.boundaryArn = boundary
    role.maxSessionSeconds = options.maxSessionSeconds ?? 3600
    role.attached.add(elevation)
    return role
  })
  for (const entity of entities) addEntity(state, at, entity).boundaryArn = attachBoundary
  const everyday = addUser(state, at, 'everyday', everydayRights(shipped.buckets))
  const owner = addUser(state, at, 'owner', [{ Effect: 'Allow', Action: '*', Resource: '*' }])
  const keys = { ...brokers, everyday: addKey(state, at, everyday), owner: addKey(state, at, owner) }
  return {
    boundaryArn: boundary,
    elevationArn: elevation,
    attachBoundaryArn: attachBoundary,
    roles,
    buckets: shipped.buckets,
    keys,
  }
}

interface Rights {
  /** ARNs of the managed policies of web and workers in this account. */
  readonly rights: { readonly read: string; readonly write: string }
  document(name: DocumentName): string
}

/** The installation as the variables of the Terraform module describe it. */
function installationOf(state: AwsState, options: SeedOptions): Installation {
  const { buckets = [{ name: 'finance-reports' }], kmsKeys = [], entities = [], accounts = [], home } = options
  const iam = `arn:aws:iam::${home?.account ?? state.account}`
  const withReplicas = ({ roleNames = ['prod'], replicas = 1 }: Pick<SeedOptions, 'roleNames' | 'replicas'>) =>
    roleNames.map((name) => ({ name, replicas }))
  return {
    account: state.account,
    elevationRoles: withReplicas(options),
    identities: [`${iam}:user/latchkey-web`, `${iam}:user/latchkey-workers`],
    buckets: buckets.map(({ name }) => name),
    kmsKeys,
    attachRoles: entities.filter(({ kind }) => kind === 'role').map(({ name }) => name),
    attachUsers: entities.filter(({ kind }) => kind === 'user').map(({ name }) => name),
    externalId: home?.externalId,
    accounts: accounts.map((other) => ({ account: other.id, elevationRoles: withReplicas(other) })),
  }
}

function replicaNames({ name, replicas }: { readonly name: string; readonly replicas: number }): readonly string[] {
  return Array.from({ length: replicas }, (_, index) => (index === 0 ? name : `${name}-${index + 1}`))
}

/** Creates users for web and workers, because the sandbox's processes have keys. Terraform creates roles with the same documents. */
function addBrokers(state: AwsState, at: number, { rights, document }: Rights): { web: KeyPair; workers: KeyPair } {
  const add = (part: 'web' | 'workers', own: string) => {
    const user = addUser(state, at, `latchkey-${part}`, [])
    const enter = addPolicy(state, at, `latchkey-${part}-enter`, document(`${part}_enter`))
    for (const arn of [own, enter]) user.attached.add(arn)
    return addKey(state, at, user)
  }
  return { web: add('web', rights.read), workers: add('workers', rights.write) }
}

function brokersOf(home: AwsState): { web: KeyPair; workers: KeyPair } {
  const keyOf = (userName: string) => {
    const key = [...home.accessKeys.values()].find((one) => one.userName === userName)
    if (key === undefined) throw new RangeError(`Seed account ${home.account} first: it has no ${userName}`)
    return { accessKeyId: key.accessKeyId, secretAccessKey: key.secretAccessKey }
  }
  return { web: keyOf('latchkey-web'), workers: keyOf('latchkey-workers') }
}

function addHubs(state: AwsState, at: number, { rights, document }: Rights): void {
  addRole(state, at, 'latchkey/hub', document('hub_trust')).attached.add(rights.write)
  addRole(state, at, 'latchkey/hub-reader', document('reader_trust')).attached.add(rights.read)
}

const NOBODY = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Deny', Principal: '*', Action: 'sts:AssumeRole' }],
})

function addEntity(state: AwsState, at: number, { kind, name, trust = NOBODY }: SeededEntity): Role | User {
  return kind === 'user' ? addUser(state, at, name, []) : addRole(state, at, name, trust)
}

type Statements = readonly object[]

function everydayRights(names: readonly string[]): Statements {
  return [
    { Effect: 'Allow', Action: 's3:GetObject', Resource: names.map((one) => `arn:aws:s3:::${one}/*`) },
    { Effect: 'Allow', Action: 's3:ListBucket', Resource: names.map((one) => `arn:aws:s3:::${one}`) },
  ]
}

/** `name` is path and name. */
function addRole(state: AwsState, at: number, name: string, trustPolicy: string): Role {
  checkTrustPolicy(trustPolicy, state)
  const roleName = name.slice(name.lastIndexOf('/') + 1)
  const role: Role = {
    arn: `arn:aws:iam::${state.account}:role/${name}`,
    roleId: uniqueId('AROA'),
    roleName,
    path: `/${name.slice(0, name.length - roleName.length)}`,
    createdAt: at,
    description: '',
    trustPolicy,
    boundaryArn: undefined,
    maxSessionSeconds: 3600,
    inline: new InlinePolicies(),
    attached: new Set(),
    tags: new Map(),
  }
  state.roles.set(roleName, role)
  return role
}

/** `name` is path and name. */
function addUser(state: AwsState, at: number, name: string, rights: Statements): User {
  const userName = name.slice(name.lastIndexOf('/') + 1)
  const user: User = {
    arn: `arn:aws:iam::${state.account}:user/${name}`,
    userId: uniqueId('AIDA'),
    userName,
    path: `/${name.slice(0, name.length - userName.length)}`,
    createdAt: at,
    boundaryArn: undefined,
    inline: new InlinePolicies(),
    attached: new Set(),
    tags: new Map(),
  }
  if (rights.length > 0) putInline(user, `${userName}-rights`, rights)
  state.users.set(userName, user)
  return user
}

function addKey(state: AwsState, at: number, { userName }: User): KeyPair {
  const key = { accessKeyId: longLivedKeyId(), secretAccessKey: secretKey(), userName, createdAt: at }
  state.accessKeys.set(key.accessKeyId, key)
  return { accessKeyId: key.accessKeyId, secretAccessKey: key.secretAccessKey }
}

function addPolicy(state: AwsState, at: number, policyName: string, text: string): string {
  const arn = `arn:aws:iam::${state.account}:policy/latchkey/${policyName}`
  checkIdentityPolicy(text)
  if (policySize(text) > 6144) throw new RangeError(`${policyName} has ${policySize(text)} of 6144 characters`)
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

/** Puts the policy at time 0, so that it is enforced at once, whatever the propagation delay is. */
function putInline(user: User, name: string, rights: Statements): void {
  const text = JSON.stringify({ Version: '2012-10-17', Statement: rights })
  checkIdentityPolicy(text)
  if (policySize(text) > 2048) throw new RangeError(`${name} has ${policySize(text)} of 2048 characters`)
  user.inline.put(name, text, 0)
}
