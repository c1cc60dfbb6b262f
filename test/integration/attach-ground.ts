import {
  CreateAccessKeyCommand,
  CreateUserCommand,
  GetRoleCommand,
  IAMClient,
  PutRolePolicyCommand,
  PutUserPolicyCommand,
} from '@aws-sdk/client-iam'
import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3'
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts'
import type { SandboxAws } from '../sandbox/aws/index.ts'
import type { KeyPair } from '../sandbox/aws/seed.ts'

/** The role and the user that people of a company have anyway: they read. */

export const REGION = 'eu-west-1'
export const BUCKET = 'finance-reports'
export const SHARED_ROLE = 'app-team'

const document = (...Statement: readonly object[]) => JSON.stringify({ Version: '2012-10-17', Statement })

/** Every session of the shared role is called as the IAM user who enters it. */
export function trustOf(account: string, changes: object = {}): string {
  return document({
    Effect: 'Allow',
    Principal: { AWS: `arn:aws:iam::${account}:root` },
    Action: 'sts:AssumeRole',
    Condition: { StringEquals: { 'sts:RoleSessionName': `\${aws:username}` } },
    ...changes,
  })
}

/** For the seed: it makes them with the boundary that Latchkey ships. */
export function holdersOf(account: string) {
  return [
    { kind: 'role', name: SHARED_ROLE, trust: trustOf(account) },
    { kind: 'user', name: 'carol' },
    { kind: 'user', name: 'dave' },
  ] as const
}

const BASELINE = document(
  { Effect: 'Allow', Action: 's3:GetObject', Resource: `arn:aws:s3:::${BUCKET}/*` },
  { Effect: 'Allow', Action: 's3:ListBucket', Resource: `arn:aws:s3:::${BUCKET}` },
)

/** What S3 says: `done`, or AWS's error code. */
export interface Hands {
  put(key: string): Promise<string>
  get(key: string): Promise<string>
  remove(key: string): Promise<string>
  list(prefix: string): Promise<string>
}

export interface Holders {
  /** The owner's own hand in IAM. */
  readonly owner: IAMClient
  /** Sessions of the shared role, as long as they last. */
  readonly alice: Hands
  readonly bob: Hands
  /** A user, with her own keys. */
  readonly carol: Hands
  /** A session of the shared role, for an hour, of a new IAM user of that name. */
  enter(name: string): Promise<Hands>
  close(): void
}

export async function makeHolders(aws: SandboxAws, ownerKeys: KeyPair): Promise<Holders> {
  const owner = new IAMClient({ region: 'us-east-1', endpoint: aws.url, credentials: ownerKeys })
  await owner.send(
    new PutRolePolicyCommand({ RoleName: SHARED_ROLE, PolicyName: 'baseline', PolicyDocument: BASELINE }),
  )
  await owner.send(new PutUserPolicyCommand({ UserName: 'carol', PolicyName: 'baseline', PolicyDocument: BASELINE }))
  const { Role } = await owner.send(new GetRoleCommand({ RoleName: SHARED_ROLE }))
  const clients: { destroy(): void }[] = [owner]

  function handsOf(credentials: Keys): Hands {
    const s3 = new S3Client({ region: REGION, endpoint: aws.s3Url, forcePathStyle: true, maxAttempts: 1, credentials })
    clients.push(s3)
    return hands(s3)
  }
  async function enter(name: string): Promise<Hands> {
    await owner.send(new CreateUserCommand({ UserName: name }))
    const RoleArn = Role?.Arn ?? ''
    const may = document({ Effect: 'Allow', Action: 'sts:AssumeRole', Resource: RoleArn })
    await owner.send(new PutUserPolicyCommand({ UserName: name, PolicyName: 'enter', PolicyDocument: may }))
    const sts = new STSClient({ region: REGION, endpoint: aws.url, credentials: await keysOf(owner, name) })
    clients.push(sts)
    const { Credentials: given } = await sts.send(new AssumeRoleCommand({ RoleArn, RoleSessionName: name }))
    return handsOf({
      accessKeyId: given?.AccessKeyId ?? '',
      secretAccessKey: given?.SecretAccessKey ?? '',
      sessionToken: given?.SessionToken ?? '',
    })
  }

  return {
    owner,
    alice: await enter('alice'),
    bob: await enter('bob'),
    carol: handsOf(await keysOf(owner, 'carol')),
    enter,
    close() {
      for (const client of clients) client.destroy()
    },
  }
}

type Keys = KeyPair & { readonly sessionToken?: string }

async function keysOf(owner: IAMClient, UserName: string): Promise<KeyPair> {
  const { AccessKey } = await owner.send(new CreateAccessKeyCommand({ UserName }))
  return { accessKeyId: AccessKey?.AccessKeyId ?? '', secretAccessKey: AccessKey?.SecretAccessKey ?? '' }
}

function hands(s3: S3Client): Hands {
  return {
    put: (Key) => said(s3.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body: 'x' }))),
    get: (Key) => said(s3.send(new GetObjectCommand({ Bucket: BUCKET, Key }))),
    remove: (Key) => said(s3.send(new DeleteObjectCommand({ Bucket: BUCKET, Key }))),
    list: (Prefix) => said(s3.send(new ListObjectsV2Command({ Bucket: BUCKET, Prefix }))),
  }
}

async function said(call: Promise<unknown>): Promise<string> {
  try {
    await call
    return 'done'
  } catch (error) {
    if (error instanceof S3ServiceException) return error.name
    throw error
  }
}
