import {
  AttachRolePolicyCommand,
  CreateAccessKeyCommand,
  CreatePolicyVersionCommand,
  CreateRoleCommand,
  CreateUserCommand,
  DeleteRolePermissionsBoundaryCommand,
  DeleteRolePolicyCommand,
  DeleteUserPolicyCommand,
  GetPolicyCommand,
  GetRoleCommand,
  GetUserCommand,
  type IAMClient,
  ListRolesCommand,
  PutRolePermissionsBoundaryCommand,
  PutRolePolicyCommand,
  PutUserPolicyCommand,
  UpdateAssumeRolePolicyCommand,
  UpdateRoleCommand,
} from '@aws-sdk/client-iam'
import { DescribeKeyCommand } from '@aws-sdk/client-kms'
import { GetBucketLocationCommand } from '@aws-sdk/client-s3'
import { AssumeRoleCommand } from '@aws-sdk/client-sts'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { authorize } from '../../../sandbox/aws/authorize.ts'
import { awsDriver } from '../../../src/aws/driver.ts'
import { isUnwired, readWiring } from '../../../src/aws/feed/compare-feed.ts'
import { putConnection } from '../../../src/aws/feed/connection.ts'
import { putDeadLetters } from '../../../src/aws/feed/dead-letters.ts'
import { desiredState } from '../../../src/aws/feed/desired-state.ts'
import { putInvokeRole } from '../../../src/aws/feed/invoke-role.ts'
import { readIdentities } from '../../../src/aws/feed/latchkey-identities.ts'
import { regionClients } from '../../../src/aws/region-clients.ts'
import { feedRegions } from '../../../src/aws/regions.ts'
import { LatchkeyError } from '../../../src/errors.ts'
import type { Driver, GrantDraft, GrantOrder } from '../../../src/grants/driver.ts'
import { entityOf, policyNameOf } from '../../../src/grants/iam-entity.ts'
import type { Principal, SessionPrincipal } from '../../../src/grants/principal.ts'
import { ACTIONS, ASKABLE_LEVELS, NEVER } from '../../../src/rules/levels.ts'
import {
  BUCKETS,
  type Clients,
  DATA,
  EXTERNAL_ID,
  HOME,
  IDENTITIES,
  type IdentityName,
  type Installed,
  identityOf,
  install,
  REGION,
  REQUEST,
  without,
} from '../../fixtures/identities.ts'
import { useAws } from '../use-aws.ts'

/** What Latchkey can and cannot do in AWS with the rights in `terraform/`, and that neither identity can widen its own or another's rights. */

const REQUESTER = '0b6f2a34-7d0e-4f7c-9a55-1c1f0f9d2a10'
const GRANT = 'g-000000000001'
const ACCOUNTS = [HOME, DATA] as const
const OWN_IDENTITIES = {
  [HOME]: [
    { kind: 'role', name: 'app-team', sessionName: 'alice' },
    { kind: 'user', name: 'carol' },
  ],
  [DATA]: [
    { kind: 'role', name: 'lake-team', sessionName: 'alice' },
    { kind: 'user', name: 'dora' },
  ],
} as const
const ANYTHING = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }],
})

let installed: Installed
beforeEach(async () => {
  installed = await install()
})
afterEach(() => installed.stop())

/** The driver of one part, with that part's keys and the rules. */
function driverOf(part: 'web' | 'workers'): Driver {
  useAws(installed.aws.url, installed.home.keys[part])
  const hub = { role: 'latchkey/hub', reader: 'latchkey/hub-reader', externalId: EXTERNAL_ID }
  return awsDriver({
    part,
    accounts: new Map([
      ['prod', { name: 'prod', id: HOME, elevationRole: 'latchkey/prod', copies: 2 }],
      ['data', { name: 'data', id: DATA, elevationRole: 'latchkey/data', copies: 1, hub }],
    ]),
    buckets: new Map([
      [BUCKETS[HOME], { bucket: BUCKETS[HOME], account: 'prod', region: REGION, kmsKey: installed.kmsKey, owners: [] }],
      [BUCKETS[DATA], { bucket: BUCKETS[DATA], account: 'data', region: REGION, owners: [] }],
    ]),
    principals: new Map(),
    log: { warn: () => undefined },
  })
}

function draftIn(account: (typeof ACCOUNTS)[number], ownIdentity?: GrantDraft['ownIdentity']): GrantDraft {
  const scopes = [{ bucket: BUCKETS[account], key: '2026/' }]
  const draft = { account, grantId: GRANT, requester: REQUESTER, scopes, levels: ['read', 'write'] } as const
  return ownIdentity === undefined ? draft : { ...draft, ownIdentity: ownIdentity }
}

function orderOf<P extends Principal>(draft: GrantDraft, principal: P): GrantOrder<P> {
  const at = (minutes: number) =>
    `${new Date(installed.aws.clock.now() + minutes * 60_000).toISOString().slice(0, 19)}Z`
  return { ...draft, principal, startsAt: at(-1), endsAt: at(30) }
}

async function sessionPrincipals(driver: Driver, account: (typeof ACCOUNTS)[number]): Promise<SessionPrincipal[]> {
  const { principals } = await driver.preflight(draftIn(account))
  return principals.flatMap((one) => (one.driver === 'session' ? [one] : []))
}

const denyOf = { epoch: 'e-1', issuedBefore: '2026-01-01T00:00:00Z', denied: [] }

async function refused(call: Promise<unknown>): Promise<void> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(LatchkeyError)
  if (error instanceof LatchkeyError)
    expect(error.facts).toMatchObject({ awsCode: expect.stringMatching(/^AccessDenied/) })
}

describe('web', () => {
  it.each(ACCOUNTS)('looks at everything and vends in account %s', async (account) => {
    const web = driverOf('web')
    const principals = await sessionPrincipals(web, account)
    expect(principals).toHaveLength(account === HOME ? 2 : 1)
    for (const principal of principals) {
      expect(await web.readDeny(principal)).toBeUndefined()
      expect((await web.vend(orderOf(draftIn(account), principal))).accessKeyId).toMatch(/^ASIA/)
    }
    for (const ownIdentity of OWN_IDENTITIES[account]) {
      const draft = draftIn(account, ownIdentity)
      expect((await web.preflight(draft)).principals).toHaveLength(1)
      expect(await web.attached({ account, ...ownIdentity }, { documents: true })).toEqual([])
    }
  })

  it.each(ACCOUNTS)('writes nothing in account %s', async (account) => {
    const web = driverOf('web')
    for (const principal of await sessionPrincipals(web, account)) await refused(web.writeDeny(principal, denyOf))
    for (const ownIdentity of OWN_IDENTITIES[account]) {
      const draft = draftIn(account, ownIdentity)
      const [principal] = (await web.preflight(draft)).principals
      await refused(web.activate(orderOf(draft, principal), installed.aws.clock.now()))
      const { roles, users } = installed.aws.account(account)
      const held = (ownIdentity.kind === 'role' ? roles : users).get(ownIdentity.name)
      held?.inline.put(policyNameOf(GRANT), ANYTHING, 0)
      await refused(web.detach({ account, ...ownIdentity }, policyNameOf(GRANT), 'tidying'))
    }
  })
})

describe('workers', () => {
  it.each(ACCOUNTS)('activate, deny, attach and take away in account %s', async (account) => {
    const workers = driverOf('workers')
    for (const principal of await sessionPrincipals(workers, account)) {
      await workers.activate(orderOf(draftIn(account), principal), installed.aws.clock.now())
      expect(await workers.writeDeny(principal, denyOf)).toEqual(denyOf)
    }
    for (const ownIdentity of OWN_IDENTITIES[account]) {
      const draft = draftIn(account, ownIdentity)
      const [principal] = (await workers.preflight(draft)).principals
      if (principal.driver !== 'attach') throw new Error(`${principal.roleArn} is no holder`)
      const target = entityOf(principal)
      await workers.activate(orderOf(draft, principal), installed.aws.clock.now())
      expect(await workers.attached(target)).toEqual([{ policyName: policyNameOf(GRANT) }])
      await workers.detach(target, policyNameOf(GRANT), 'early-revoke')
      expect(await workers.attached(target)).toEqual([])
    }
  })
})

describe('workers, at the wiring', () => {
  it('see all of it with their own rights, made or not, and change nothing', async () => {
    driverOf('workers')
    const clients = regionClients(REGION, { warn: () => undefined })
    const rules = {
      accounts: new Map([['prod', { name: 'prod', id: HOME, elevationRole: 'latchkey/prod', copies: 2 }]]),
      buckets: new Map([[BUCKETS[HOME], { bucket: BUCKETS[HOME], account: 'prod', region: REGION, owners: [] }]]),
    }
    const [region] = feedRegions(rules, HOME, 'aws')
    if (!region) throw new Error('The rules name no place')
    expect(await readIdentities(clients, region)).toHaveLength(2)
    expect(isUnwired(await readWiring(clients))).toBe(true)
    await refused(putConnection(clients, 'c7'.repeat(32)))
    await refused(
      putInvokeRole(clients, desiredState(region, { publicUrl: 'https://latchkey.test', key: undefined, ours: [] })),
    )
    await refused(
      putDeadLetters(clients, desiredState(region, { publicUrl: 'https://latchkey.test', key: undefined, ours: [] })),
    )
  })
})

const inHome = (name: IdentityName) => !name.startsWith('hub')
const roleOf = (name: IdentityName) => (inHome(name) ? 'prod' : 'data')
const teamOf = (name: IdentityName) => (inHome(name) ? 'app-team' : 'lake-team')
const userOf = (name: IdentityName) => (inHome(name) ? 'carol' : 'dora')
const PolicyName = 'more'
const PolicyDocument = ANYTHING
const iamOf = (name: IdentityName, rest: string) => `arn:aws:iam::${inHome(name) ? HOME : DATA}:${rest}`

/** Ways to gain rights, tried through AWS's API. `admin` has no boundary; `prod-9` has a replica's name and no boundary. */
const ATTEMPTS: Readonly<Record<string, (iam: IAMClient, name: IdentityName) => Promise<unknown>>> = {
  'writes itself a policy': (iam, name) =>
    inHome(name)
      ? iam.send(new PutUserPolicyCommand({ UserName: `latchkey-${name}`, PolicyName, PolicyDocument }))
      : iam.send(new PutRolePolicyCommand({ RoleName: name, PolicyName, PolicyDocument })),
  'writes a policy into Admin': (iam) =>
    iam.send(new PutRolePolicyCommand({ RoleName: 'admin', PolicyName, PolicyDocument })),
  'takes a policy from Admin': (iam) =>
    iam.send(new DeleteRolePolicyCommand({ RoleName: 'admin', PolicyName: 'rights' })),
  'writes a policy into the owner': (iam) =>
    iam.send(new PutUserPolicyCommand({ UserName: 'owner', PolicyName, PolicyDocument })),
  'writes a policy into a copy without a boundary': (iam, name) =>
    iam.send(new PutRolePolicyCommand({ RoleName: `${roleOf(name)}-9`, PolicyName, PolicyDocument })),
  'takes away a boundary': (iam, name) =>
    iam.send(new DeleteRolePermissionsBoundaryCommand({ RoleName: roleOf(name) })),
  'sets another boundary': (iam, name) =>
    iam.send(
      new PutRolePermissionsBoundaryCommand({
        RoleName: roleOf(name),
        PermissionsBoundary: iamOf(name, 'policy/latchkey/latchkey-attach-boundary'),
      }),
    ),
  'writes the boundary anew': (iam, name) =>
    iam.send(
      new CreatePolicyVersionCommand({
        PolicyArn: iamOf(name, 'policy/latchkey/latchkey-boundary'),
        PolicyDocument,
        SetAsDefault: true,
      }),
    ),
  'opens the trust of an elevation role': (iam, name) =>
    iam.send(new UpdateAssumeRolePolicyCommand({ RoleName: roleOf(name), PolicyDocument })),
  'makes the sessions of an elevation role longer': (iam, name) =>
    iam.send(new UpdateRoleCommand({ RoleName: roleOf(name), MaxSessionDuration: 43_200 })),
  'attaches a managed policy': (iam, name) =>
    iam.send(
      new AttachRolePolicyCommand({
        RoleName: roleOf(name),
        PolicyArn: iamOf(name, 'policy/latchkey/latchkey-attach-boundary'),
      }),
    ),
  'makes a role': (iam) =>
    iam.send(new CreateRoleCommand({ RoleName: 'new', AssumeRolePolicyDocument: PolicyDocument })),
  'makes a user': (iam) => iam.send(new CreateUserCommand({ UserName: 'new' })),
  'makes a key for the owner': (iam) => iam.send(new CreateAccessKeyCommand({ UserName: 'owner' })),
}

/** Rights that no call of the sandbox covers; the sandbox's evaluator is asked. */
const RIGHTS: readonly (readonly [action: string, resource: (name: IdentityName) => string])[] = [
  ['iam:PassRole', (name) => iamOf(name, 'role/admin')],
  ['iam:SetDefaultPolicyVersion', (name) => iamOf(name, 'policy/latchkey/latchkey-boundary')],
  ['iam:DetachRolePolicy', (name) => iamOf(name, `role/latchkey/${roleOf(name)}`)],
  ['iam:DeleteRole', (name) => iamOf(name, `role/latchkey/${roleOf(name)}`)],
  ['iam:TagRole', (name) => iamOf(name, `role/latchkey/${roleOf(name)}`)],
  ['iam:PutUserPermissionsBoundary', (name) => iamOf(name, `user/${userOf(name)}`)],
  ['iam:DeleteUserPermissionsBoundary', (name) => iamOf(name, `user/${userOf(name)}`)],
  ['iam:AttachUserPolicy', (name) => iamOf(name, `user/${userOf(name)}`)],
  ['iam:CreateLoginProfile', (name) => iamOf(name, 'user/owner')],
  ['iam:AddUserToGroup', (name) => iamOf(name, 'group/admins')],
  ['iam:PutGroupPolicy', (name) => iamOf(name, 'group/admins')],
  ['iam:CreatePolicy', (name) => iamOf(name, 'policy/latchkey/new')],
  ['iam:UpdateSAMLProvider', (name) => iamOf(name, 'saml-provider/entra')],
  ['sts:AssumeRole', (name) => iamOf(name, 'role/admin')],
  ['s3:GetObject', (name) => `arn:aws:s3:::${BUCKETS[inHome(name) ? HOME : DATA]}/x`],
  ['s3:PutObject', (name) => `arn:aws:s3:::${BUCKETS[inHome(name) ? HOME : DATA]}/x`],
  ['s3:PutBucketPolicy', (name) => `arn:aws:s3:::${BUCKETS[inHome(name) ? HOME : DATA]}`],
]

/** Entities that an owner has in any account beside Latchkey. */
async function addBystanders(): Promise<void> {
  for (const account of ACCOUNTS) {
    const { iam } = installed.clients(account === HOME ? installed.home.keys.owner : installed.data.keys.owner)
    const root = { Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${account}:root` }, Action: 'sts:AssumeRole' }
    const AssumeRolePolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement: [root] })
    const copy = account === HOME ? 'prod-9' : 'data-9'
    await iam.send(new CreateRoleCommand({ RoleName: 'admin', AssumeRolePolicyDocument }))
    await iam.send(new PutRolePolicyCommand({ RoleName: 'admin', PolicyName: 'rights', PolicyDocument }))
    await iam.send(new CreateRoleCommand({ RoleName: copy, Path: '/latchkey/', AssumeRolePolicyDocument }))
  }
}

async function succeeded(name: IdentityName): Promise<readonly string[]> {
  const { iam } = installed.clients(await installed.keysOf(name))
  const done: string[] = []
  for (const [what, attempt] of Object.entries(ATTEMPTS)) {
    const code = await attempt(iam, name).then(
      () => 'done',
      (error: unknown) => (error instanceof Error ? error.name : String(error)),
    )
    if (code !== 'AccessDenied') done.push(`${what}: ${code}`)
  }
  for (const [action, resource] of RIGHTS)
    if (await installed.may(name, action, resource(name))) done.push(`${action} on ${resource(name)}`)
  return done
}

describe.each(IDENTITIES)('%s', (name) => {
  beforeEach(addBystanders)

  it('can widen neither itself nor anybody else', async () => {
    expect(await succeeded(name)).toEqual([])
  })

  it('cannot even where somebody made it an administrator', async () => {
    installed.makeAdministrator(name)
    expect(await succeeded(name)).toEqual([])
  })

  it('could, without any one of its denies', async () => {
    installed.makeAdministrator(name)
    for (const sid of installed.sidsOf(name, 'Deny')) {
      expect(await DENIED[sid]?.(name), `${sid} of ${name}`).toBe(false)
      const putBack = installed.removeStatement(name, sid)
      expect(await DENIED[sid]?.(name), `${name} without ${sid}`).toBe(true)
      putBack()
    }
  })

  it('reaches a role that the rules name no more, and writes there below the boundary only', async () => {
    const former = iamOf(name, 'role/latchkey/retired')
    const bounded = { 'iam:PermissionsBoundary': iamOf(name, 'policy/latchkey/latchkey-boundary') }
    const isWriter = installed.sidsOf(name, 'Allow').includes('WriteDeny')
    expect(await installed.may(name, 'iam:GetRolePolicy', former)).toBe(true)
    expect(await installed.may(name, 'iam:PutRolePolicy', former, bounded)).toBe(isWriter)
    expect(await installed.may(name, 'iam:PutRolePolicy', former)).toBe(false)
    expect(await installed.may(name, 'sts:AssumeRole', former)).toBe(false)
  })

  it('needs every right that it has', async () => {
    const clients = installed.clients(await installed.keysOf(name))
    for (const sid of installed.sidsOf(name, 'Allow')) {
      expect(await works(NEEDED[sid], clients, name), `${sid} of ${name}`).toBe(true)
      const putBack = installed.removeStatement(name, sid)
      expect(await works(NEEDED[sid], clients, name), `${name} without ${sid}`).toBe(false)
      putBack()
    }
  })
})

/** Calls that only this Deny refuses to an administrator. */
const DENIED: Readonly<Record<string, (name: IdentityName) => Promise<boolean>>> = {
  NeverWrite: (name) => installed.may(name, 'iam:PutRolePolicy', iamOf(name, `role/latchkey/${roleOf(name)}`)),
  NeverWiden: (name) => installed.may(name, 'iam:UpdateAssumeRolePolicy', iamOf(name, `role/latchkey/${roleOf(name)}`)),
  NeverElsewhere: (name) =>
    installed.may(name, 'iam:PutRolePolicy', iamOf(name, 'role/admin'), {
      'iam:PermissionsBoundary': iamOf(name, 'policy/latchkey/latchkey-boundary'),
    }),
  NeverUnbounded: (name) => installed.may(name, 'iam:PutRolePolicy', iamOf(name, `role/latchkey/${roleOf(name)}`)),
  NeverOtherRoles: (name) => installed.may(name, 'sts:AssumeRole', iamOf(name, 'role/admin')),
  NeverObjects: (name) => installed.may(name, 's3:GetObject', 'arn:aws:s3:::finance-reports/x'),
}

type Need = (clients: Clients, name: IdentityName) => Promise<unknown>

/** Calls that fail without this right. */
const NEEDED: Readonly<Record<string, Need>> = {
  Vend: ({ sts }) =>
    sts.send(
      new AssumeRoleCommand({
        RoleArn: `arn:aws:iam::${HOME}:role/latchkey/prod`,
        RoleSessionName: GRANT,
        SourceIdentity: REQUESTER,
        Tags: [{ Key: 'latchkey:grant', Value: GRANT }],
      }),
    ),
  Hop: ({ sts }, name) =>
    sts.send(
      new AssumeRoleCommand({
        RoleArn: `arn:aws:iam::${DATA}:role/latchkey/${name === 'web' ? 'hub-reader' : 'hub'}`,
        RoleSessionName: `latchkey-${name}`,
        ExternalId: EXTERNAL_ID,
      }),
    ),
  ReadRoles: ({ iam }, name) => iam.send(new GetRoleCommand({ RoleName: roleOf(name) })),
  ReadUsers: ({ iam }, name) => iam.send(new GetUserCommand({ UserName: userOf(name) })),
  ReadBoundaries: ({ iam }, name) =>
    iam.send(new GetPolicyCommand({ PolicyArn: iamOf(name, 'policy/latchkey/latchkey-boundary') })),
  ReadBuckets: ({ s3 }, name) => s3.send(new GetBucketLocationCommand({ Bucket: BUCKETS[inHome(name) ? HOME : DATA] })),
  ReadKeys: ({ kms }) => kms.send(new DescribeKeyCommand({ KeyId: installed.kmsKey })),
  ReadWiring: async (_, name) => {
    const rule = `arn:aws:events:${REGION}:${inHome(name) ? HOME : DATA}:rule/latchkey-s3`
    if (!(await installed.may(name, 'events:DescribeRule', rule))) throw new Error('the wiring cannot be compared')
  },
  ListRules: async (_, name) => {
    if (!(await installed.may(name, 'events:ListRules', '*'))) throw new Error('rules that are too many are not found')
  },
  FindFormerRoles: ({ iam }) => iam.send(new ListRolesCommand({ PathPrefix: '/latchkey/' })),
  WriteDeny: ({ iam }, name) =>
    iam.send(new PutRolePolicyCommand({ RoleName: roleOf(name), PolicyName: 'latchkey.deny', PolicyDocument })),
  AttachToRoles: async ({ iam }, name) => {
    const named = { RoleName: teamOf(name), PolicyName: policyNameOf(GRANT) }
    await iam.send(new PutRolePolicyCommand({ ...named, PolicyDocument }))
    await iam.send(new DeleteRolePolicyCommand(named))
  },
  AttachToUsers: async ({ iam }, name) => {
    const named = { UserName: userOf(name), PolicyName: policyNameOf(GRANT) }
    await iam.send(new PutUserPolicyCommand({ ...named, PolicyDocument }))
    await iam.send(new DeleteUserPolicyCommand(named))
  },
}

async function works(need: Need | undefined, clients: Clients, name: IdentityName): Promise<boolean> {
  if (need === undefined) throw new Error('Nobody says what this right is for: name it in NEEDED')
  return need(clients, name).then(
    () => true,
    () => false,
  )
}

/** A session of an elevation role that was given a policy allowing everything, without a session policy. */
describe('an elevation role that was given everything', () => {
  const OBJECT = `arn:aws:s3:::${BUCKETS[HOME]}/2026/report.csv`
  const BUCKET = `arn:aws:s3:::${BUCKETS[HOME]}`
  let ask: (action: string, resource: string, resourcePolicy?: string) => boolean
  let session: string

  beforeEach(async () => {
    const { aws, home } = installed
    home.roles[0]?.inline.put('everything', ANYTHING, 0)
    await NEEDED.Vend?.(installed.clients(home.keys.web), 'web')
    const [opened] = [...aws.state.sessions.values()]
    if (!opened) throw new Error('STS opened no session')
    session = opened.arn
    ask = (action, resource, resourcePolicy) =>
      authorize(aws, {
        identity: identityOf(opened),
        action,
        resource,
        request: REQUEST,
        resourcePolicy,
        context: { 'kms:ViaService': `s3.${REGION}.amazonaws.com` },
      }).allowed
  })

  /** A bucket policy that names the caller: its Allow is not limited by an implicit deny in a boundary. */
  const named = () =>
    JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal: { AWS: session }, Action: '*', Resource: [BUCKET, OBJECT] }],
    })

  const never = [
    ...NEVER.map((pattern) => pattern.replaceAll('*', 'Any')),
    ...['s3:PutObjectAcl', 's3:PutBucketPolicy', 's3:DeleteBucket', 's3:PutLifecycleConfiguration', 's3:CreateBucket'],
    ...ACTIONS['bucket-policy'].bucket,
    ...['iam:PassRole', 'iam:CreateUser', 'sts:AssumeRole', 'kms:ScheduleKeyDeletion', 'ec2:RunInstances'],
  ]
  it.each(never)('can never do %s, not even where a bucket policy lets it', (action) => {
    for (const resource of [BUCKET, OBJECT]) {
      expect(ask(action, resource)).toBe(false)
      expect(ask(action, resource, named())).toBe(false)
    }
  })

  it('could where a bucket policy lets it, without the deny in role and boundary', () => {
    const { policies } = installed.aws.state
    for (const name of ['latchkey-boundary', 'latchkey-elevation']) {
      const policy = policies.get(`arn:aws:iam::${HOME}:policy/latchkey/${name}`)
      expect(ask('s3:PutObjectAcl', OBJECT, named())).toBe(false)
      policy?.versions.set('v1', {
        document: without(policy.versions.get('v1')?.document ?? '', 'Never'),
        createdAt: 0,
      })
    }
    expect(ask('s3:PutObjectAcl', OBJECT, named())).toBe(true)
  })

  it('reaches the named buckets and keys by every action of the levels that can be asked for, and no others', () => {
    for (const { object, list, key } of ASKABLE_LEVELS.map((level) => ACTIONS[level])) {
      for (const action of object) {
        expect(ask(action, OBJECT), action).toBe(true)
        expect(ask(action, 'arn:aws:s3:::payroll/x'), action).toBe(false)
      }
      for (const action of list) {
        expect(ask(action, BUCKET), action).toBe(true)
        expect(ask(action, 'arn:aws:s3:::payroll'), action).toBe(false)
      }
      for (const action of key) {
        expect(ask(action, installed.kmsKey), action).toBe(true)
        expect(ask(action, `${installed.kmsKey}0`), action).toBe(false)
      }
    }
  })
})
