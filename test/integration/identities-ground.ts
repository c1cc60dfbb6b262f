import { IAMClient } from '@aws-sdk/client-iam'
import { KMSClient } from '@aws-sdk/client-kms'
import { S3Client } from '@aws-sdk/client-s3'
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts'
import { authorize } from '../sandbox/aws/authorize.ts'
import type { Identity, SandboxRequest } from '../sandbox/aws/call.ts'
import type { Context } from '../sandbox/aws/evaluator.ts'
import { type SandboxAws, startAws } from '../sandbox/aws/index.ts'
import { addKey, defaultKeyPolicy } from '../sandbox/aws/kms/keys.ts'
import type { KeyPair, SeededLatchkey } from '../sandbox/aws/seed.ts'
import type { Session } from '../sandbox/aws/state.ts'

/** Two accounts as `terraform/` installs them, and every identity that Latchkey has there. */

export const HOME = '111122223333'
export const DATA = '444455556666'
export const EXTERNAL_ID = 'c0ffee'.repeat(6)
export const REGION = 'eu-west-1'
export const BUCKETS = { [HOME]: 'finance-reports', [DATA]: 'data-lake' } as const

/** Web and workers where Latchkey runs; how they appear in the other account. */
export const IDENTITIES = ['web', 'workers', 'hub-reader', 'hub'] as const
export type IdentityName = (typeof IDENTITIES)[number]

export interface Keys extends KeyPair {
  readonly sessionToken?: string
}

export interface Installed {
  readonly aws: SandboxAws
  readonly home: SeededLatchkey
  readonly data: SeededLatchkey
  readonly kmsKey: string
  keysOf(name: IdentityName): Promise<Keys>
  clients(keys: Keys): Clients
  /** The account that the identity works in. */
  accountOf(name: IdentityName): string
  /** Of all its policies. */
  sidsOf(name: IdentityName, effect: 'Allow' | 'Deny'): readonly string[]
  /** Takes out one statement; returns what puts it back. */
  takeOut(name: IdentityName, sid: string): () => void
  /** As if somebody had given it an administrator's policy beside its own. */
  makeAdministrator(name: IdentityName): void
  /** What the sandbox's evaluator says, for actions that it has no API for. */
  may(name: IdentityName, action: string, resource: string, context?: Context): Promise<boolean>
  stop(): Promise<void>
}

export interface Clients {
  readonly iam: IAMClient
  readonly sts: STSClient
  readonly s3: S3Client
  readonly kms: KMSClient
}

const TRUST = JSON.stringify({
  Version: '2012-10-17',
  Statement: {
    Effect: 'Allow',
    Principal: { AWS: `arn:aws:iam::${HOME}:root` },
    Action: 'sts:AssumeRole',
    Condition: { StringEquals: { 'sts:RoleSessionName': `\${aws:username}` } },
  },
})

export const REQUEST: SandboxRequest = {
  method: 'POST',
  rawPath: '/',
  rawQuery: '',
  headers: {},
  body: Buffer.alloc(0),
  sourceIp: '127.0.0.1',
  secure: true,
  requestId: '',
}

export async function install(): Promise<Installed> {
  const aws = await startAws({ account: HOME })
  const policy = defaultKeyPolicy(HOME)
  const { arn: kmsKey } = addKey(aws.state, 0, { region: REGION, description: '', manager: 'CUSTOMER', policy })
  const home = aws.seedLatchkey({
    buckets: [{ name: BUCKETS[HOME] }],
    copies: 2,
    kmsKeys: [kmsKey],
    holders: [
      { kind: 'role', name: 'app-team', trust: TRUST },
      { kind: 'user', name: 'carol' },
    ],
    accounts: [{ id: DATA, roleNames: ['data'] }],
  })
  const data = aws.seedLatchkey(
    {
      buckets: [{ name: BUCKETS[DATA] }],
      roleNames: ['data'],
      holders: [
        { kind: 'role', name: 'lake-team', trust: TRUST },
        { kind: 'user', name: 'dora' },
      ],
      home: { account: HOME, externalId: EXTERNAL_ID },
    },
    DATA,
  )
  const bucket = aws.state.buckets.get(BUCKETS[HOME])
  if (bucket) bucket.encryption = { algorithm: 'aws:kms', kmsKey, bucketKey: false }
  const opened: { destroy(): void }[] = []
  const kept = <Client extends { destroy(): void }>(client: Client): Client => {
    opened.push(client)
    return client
  }
  const at = (credentials: Keys) => ({ endpoint: aws.url, region: REGION, credentials, maxAttempts: 1 })
  const accountOf = (name: IdentityName) => (name.startsWith('hub') ? DATA : HOME)
  const holderOf = (name: IdentityName) =>
    name.startsWith('hub') ? aws.account(DATA).roles.get(name) : aws.state.users.get(`latchkey-${name}`)

  const policiesOf = (name: IdentityName) => {
    const { policies } = aws.account(accountOf(name))
    return [...(holderOf(name)?.attached ?? [])].flatMap((arn) => policies.get(arn) ?? [])
  }

  async function keysOf(name: IdentityName): Promise<Keys> {
    if (name === 'web' || name === 'workers') return home.keys[name]
    const sts = kept(new STSClient(at(home.keys[name === 'hub' ? 'workers' : 'web'])))
    const RoleArn = `arn:aws:iam::${DATA}:role/latchkey/${name}`
    const command = new AssumeRoleCommand({ RoleArn, RoleSessionName: 'latchkey', ExternalId: EXTERNAL_ID })
    const { Credentials } = await sts.send(command)
    const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '' } = Credentials ?? {}
    return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken }
  }

  async function signedBy(name: IdentityName): Promise<Identity> {
    const { accessKeyId } = await keysOf(name)
    const session = aws.account(DATA).sessions.get(accessKeyId)
    if (session) return identityOf(session)
    const user = aws.state.users.get(`latchkey-${name}`)
    if (!user) throw new Error(`${name} was not seeded`)
    return { type: 'user', account: HOME, arn: user.arn, userId: user.userId, userName: user.userName, accessKeyId }
  }

  return {
    aws,
    home,
    data,
    kmsKey,
    keysOf,
    accountOf,
    clients: (keys) => ({
      iam: kept(new IAMClient(at(keys))),
      sts: kept(new STSClient(at(keys))),
      s3: kept(new S3Client({ ...at(keys), forcePathStyle: true })),
      kms: kept(new KMSClient(at(keys))),
    }),
    sidsOf: (name, effect) =>
      policiesOf(name).flatMap(({ versions }) => sidsOf(versions.get('v1')?.document ?? '', effect)),
    takeOut(name, sid) {
      const policy = policiesOf(name).find(({ versions }) => versions.get('v1')?.document.includes(`"Sid":"${sid}"`))
      const was = policy?.versions.get('v1')
      if (!policy || !was) throw new Error(`${name} has no statement ${sid}`)
      policy.versions.set('v1', { ...was, document: without(was.document, sid) })
      return () => void policy.versions.set('v1', was)
    },
    makeAdministrator(name) {
      const Statement = [{ Effect: 'Allow', Action: '*', Resource: '*' }]
      holderOf(name)?.inline.put('administrator', JSON.stringify({ Version: '2012-10-17', Statement }), 0)
    },
    async may(name, action, resource, context = {}) {
      const identity = await signedBy(name)
      return authorize(aws, { identity, action, resource, context, request: REQUEST }).allowed
    },
    async stop() {
      for (const client of opened) client.destroy()
      await aws.stop()
    },
  }
}

/** Who signs with the keys of a session. */
export function identityOf(session: Session): Identity {
  const { arn, roleId, sessionName, accessKeyId } = session
  const account = arn.split(':')[4] ?? ''
  return { type: 'session', account, arn, userId: `${roleId}:${sessionName}`, accessKeyId, session }
}

/** The document without the statement that is called so. */
export function without(text: string, sid: string): string {
  const document: { readonly Statement: readonly { readonly Sid: string }[] } = JSON.parse(text)
  const Statement = document.Statement.filter(({ Sid }) => Sid !== sid)
  if (Statement.length === document.Statement.length) throw new Error(`There is no statement ${sid}`)
  return JSON.stringify({ ...document, Statement })
}

function sidsOf(text: string, effect: 'Allow' | 'Deny'): readonly string[] {
  const document: { readonly Statement: readonly { readonly Sid: string; readonly Effect: string }[] } =
    JSON.parse(text)
  return document.Statement.filter(({ Effect }) => Effect === effect).map(({ Sid }) => Sid)
}
