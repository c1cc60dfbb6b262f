import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { buffer } from 'node:stream/consumers'
import { CloudTrailClient, CreateTrailCommand, StartLoggingCommand } from '@aws-sdk/client-cloudtrail'
import {
  CreateAccessKeyCommand,
  CreatePolicyCommand,
  CreateRoleCommand,
  CreateUserCommand,
  IAMClient,
} from '@aws-sdk/client-iam'
import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms'
import { CreateBucketCommand, PutBucketEncryptionCommand, PutBucketPolicyCommand, S3Client } from '@aws-sdk/client-s3'
import { vi } from 'vitest'
import { type Installation, shippedDocument } from '../sandbox/aws/policies.ts'
import { trustOf } from './attach-ground.ts'

/** moto is somebody else's AWS: what it takes of our calls was not agreed between our own two hands. It enforces nothing; that is not asked here. */

export const ACCOUNT = '123456789012'
export const REGION = 'eu-west-1'
export const BUCKET = 'finance-reports'

export interface MotoCall {
  readonly name: string
  readonly status: number
}

export interface Moto {
  /** Stands in front and writes down which call was answered how. */
  readonly url: string
  readonly calls: MotoCall[]
  readonly kmsKey: string
  stop(): Promise<void>
}

/** With what the owner of an account would have made: the documents are those that are shipped. */
export async function startMoto(): Promise<Moto> {
  const moto = spawn('moto_server', ['-H', '127.0.0.1', '-p', '0'], { stdio: ['ignore', 'ignore', 'pipe'] })
  const target = await urlOf(moto)
  const calls: MotoCall[] = []
  const front = createServer(async (request, response) => {
    const body = await buffer(request)
    const headers = Object.entries(request.headers).filter(
      ([name]) => !['host', 'connection', 'content-length', 'expect', 'transfer-encoding'].includes(name),
    )
    const hasBody = request.method !== 'GET' && request.method !== 'HEAD'
    const answer = await fetch(target + (request.url ?? '/'), {
      method: request.method ?? 'POST',
      headers: headers.map(([name, value]): [string, string] => [name, String(value)]),
      ...(hasBody ? { body: new Uint8Array(body) } : {}),
    })
    calls.push({ name: nameOf(request.method, request.url, request.headers, body.toString()), status: answer.status })
    const kept = ['content-type', 'date', 'etag'].flatMap((name) => {
      const value = answer.headers.get(name)
      return value === null ? [] : [[name, value] as const]
    })
    response.writeHead(answer.status, Object.fromEntries(kept))
    response.end(Buffer.from(await answer.arrayBuffer()))
  })
  front.listen(0, '127.0.0.1')
  await once(front, 'listening')
  const url = `http://127.0.0.1:${(front.address() as AddressInfo).port}`
  const kmsKey = await seed(url)
  calls.length = 0
  return {
    url,
    calls,
    kmsKey,
    async stop() {
      front.close()
      front.closeAllConnections()
      moto.kill()
      if (moto.exitCode === null) await once(moto, 'exit')
    },
  }
}

async function urlOf(moto: ChildProcess): Promise<string> {
  if (!moto.stderr) throw new Error('moto_server has no standard error')
  for await (const line of createInterface(moto.stderr)) {
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0]
    if (url === undefined) continue
    moto.stderr.resume()
    return url
  }
  throw new Error('moto_server ended before it listened')
}

const BUCKET_READS: Readonly<Record<string, string>> = {
  location: 'GetBucketLocation',
  encryption: 'GetBucketEncryption',
  policy: 'GetBucketPolicy',
}
const OBJECT_CALLS: Readonly<Record<string, string>> = { GET: 'GetObject', PUT: 'PutObject' }

/** As the SDK calls the command: from the form of IAM and STS, from the target of JSON services, from S3's method and query. */
function nameOf(
  method = 'POST',
  path = '/',
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
  body: string,
): string {
  const target = headers['x-amz-target']
  if (typeof target === 'string') return target.slice(target.lastIndexOf('.') + 1)
  const action = new URLSearchParams(body).get('Action')
  if (action !== null) return action
  const { searchParams } = new URL(path, 'http://127.0.0.1')
  const read = [...searchParams.keys()].flatMap((key) => BUCKET_READS[key] ?? [])
  return read[0] ?? OBJECT_CALLS[method] ?? `${method} ${path}`
}

async function seed(endpoint: string): Promise<string> {
  const credentials = { accessKeyId: 'SANDBOX', secretAccessKey: 'seed' }
  const iam = new IAMClient({ region: 'us-east-1', endpoint, credentials })
  const kms = new KMSClient({ region: REGION, endpoint, credentials })
  const s3 = new S3Client({ region: REGION, endpoint, credentials })
  const kmsKey = (await kms.send(new CreateKeyCommand({}))).KeyMetadata?.Arn ?? ''
  await seedBucket(s3, kmsKey)
  await seedIdentities(iam, kmsKey)
  const trails = new CloudTrailClient({ region: REGION, endpoint, credentials })
  await trails.send(new CreateTrailCommand({ Name: 'company', S3BucketName: BUCKET, IsMultiRegionTrail: true }))
  await trails.send(new StartLoggingCommand({ Name: 'company' }))
  for (const client of [iam, kms, s3, trails]) client.destroy()
  return kmsKey
}

async function seedBucket(s3: S3Client, KMSMasterKeyID: string): Promise<void> {
  const Bucket = BUCKET
  await s3.send(new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint: REGION } }))
  const ApplyServerSideEncryptionByDefault = { SSEAlgorithm: 'aws:kms', KMSMasterKeyID } as const
  const ServerSideEncryptionConfiguration = { Rules: [{ ApplyServerSideEncryptionByDefault }] }
  await s3.send(new PutBucketEncryptionCommand({ Bucket, ServerSideEncryptionConfiguration }))
  // moto takes every condition for met.
  const Statement = [{ Effect: 'Deny', Principal: '*', Action: 's3:DeleteBucket', Resource: `arn:aws:s3:::${Bucket}` }]
  await s3.send(new PutBucketPolicyCommand({ Bucket, Policy: JSON.stringify({ Version: '2012-10-17', Statement }) }))
}

async function seedIdentities(iam: IAMClient, kmsKey: string): Promise<void> {
  const user = (name: string) => `arn:aws:iam::${ACCOUNT}:user/${name}`
  const installation: Installation = {
    account: ACCOUNT,
    elevationRoles: [{ name: 'prod', copies: 1 }],
    identities: [user('latchkey-web'), user('latchkey-workers')],
    buckets: [BUCKET],
    kmsKeys: [kmsKey],
    attachRoles: ['analysts'],
    attachUsers: ['carol'],
    externalId: undefined,
    accounts: [],
  }
  const policy = async (PolicyName: string, PolicyDocument: string) => {
    const { Policy } = await iam.send(new CreatePolicyCommand({ PolicyName, Path: '/latchkey/', PolicyDocument }))
    return { PermissionsBoundary: Policy?.Arn ?? '' }
  }
  const capped = await policy('latchkey-boundary', shippedDocument('elevation', installation))
  const held = await policy('latchkey-attach-boundary', shippedDocument('attach_boundary', installation))
  await iam.send(new CreateUserCommand({ UserName: 'latchkey-workers' }))
  const AssumeRolePolicyDocument = shippedDocument('trust', installation)
  await iam.send(new CreateRoleCommand({ RoleName: 'prod', Path: '/latchkey/', AssumeRolePolicyDocument, ...capped }))
  const trust = { AssumeRolePolicyDocument: trustOf(ACCOUNT) }
  await iam.send(new CreateRoleCommand({ RoleName: 'analysts', ...trust, ...held }))
  await iam.send(new CreateUserCommand({ UserName: 'carol' }))
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: 'latchkey-workers' }))
  vi.stubEnv('AWS_ACCESS_KEY_ID', AccessKey?.AccessKeyId)
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', AccessKey?.SecretAccessKey)
}
