import { spawn, spawnSync } from 'node:child_process'
import { createHash, createHmac } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { S3Client } from '@aws-sdk/client-s3'
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts'
import { startCli } from '../../test/fixtures/aws-cli-batch.ts'
import { isoSeconds } from '../aws/clock.ts'
import type { AwsOptions, SandboxAws } from '../aws/index.ts'
import { startAws } from '../aws/index.ts'
import type { SeededLatchkey } from '../aws/seed.ts'

/** A sandbox with an elevation role, sessions of that role, and real clients. */

export const REGION = 'eu-west-1'
export const BUCKET = 'finance-reports'
export const PREFIX = '2026/'

export interface Keys {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}

export interface S3Fixture {
  readonly aws: SandboxAws
  readonly seeded: SeededLatchkey
  /** A temporary folder that `stop` removes. */
  readonly folder: string
  /** Opens a session named after a grant. Its session policy allows PREFIX and has an end. */
  session(grantId: string, endsInMs?: number): Promise<Keys>
  s3(keys: Keys): S3Client
  /** Runs a command of the AWS CLI in the folder. Its environment has only the keys and the sandbox's endpoint. */
  cli(args: readonly string[], keys: Keys): Promise<Ended>
  /** Runs a program whose environment has only the keys and the sandbox's endpoint. */
  run(program: string, args: readonly string[], keys: Keys): Promise<Ended>
  stop(): Promise<void>
}

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export function isPresent(program: string, args: readonly string[]): boolean {
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0
}

export async function startS3Fixture(options: AwsOptions = {}): Promise<S3Fixture> {
  const aws = await startAws({ region: REGION, ...options })
  const seeded = aws.seedLatchkey({ buckets: [{ name: BUCKET }] })
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-s3-'))
  const clients: { destroy(): void }[] = []
  const cli = startCli()
  const environmentOf = (keys: Keys) => ({ ...environment(aws, folder), ...keyEnvironment(keys) })
  return {
    aws,
    seeded,
    folder,
    session: (grantId, endsInMs = 3_600_000) => openSession(aws, seeded, grantId, endsInMs),
    s3(credentials) {
      const client = new S3Client({
        endpoint: aws.url,
        region: REGION,
        credentials,
        forcePathStyle: true,
        maxAttempts: 1,
      })
      clients.push(client)
      return client
    },
    cli: (args, keys) => cli.run({ args, folder, environment: environmentOf(keys) }),
    run: (program, args, keys) => run(program, args, environmentOf(keys), folder),
    async stop() {
      cli.stop()
      for (const client of clients) client.destroy()
      await aws.stop()
      await rm(folder, { recursive: true })
    },
  }
}

async function openSession(aws: SandboxAws, seeded: SeededLatchkey, grantId: string, endsInMs: number): Promise<Keys> {
  const role = seeded.roles[0]
  if (role === undefined) throw new Error('no elevation role was seeded')
  const sts = new STSClient({ endpoint: aws.url, region: REGION, credentials: seeded.keys.web })
  const { Credentials: given } = await sts.send(
    new AssumeRoleCommand({
      RoleArn: role.arn,
      RoleSessionName: grantId,
      SourceIdentity: 'requester-object-id',
      DurationSeconds: 900,
      Policy: sessionPolicy(isoSeconds(aws.clock.now() + endsInMs)),
    }),
  )
  sts.destroy()
  if (given?.AccessKeyId === undefined || given.SecretAccessKey === undefined || given.SessionToken === undefined) {
    throw new Error('STS gave no credentials')
  }
  return {
    accessKeyId: given.AccessKeyId,
    secretAccessKey: given.SecretAccessKey,
    sessionToken: given.SessionToken,
  }
}

function sessionPolicy(endsAt: string): string {
  const before = { DateLessThan: { 'aws:CurrentTime': endsAt } }
  const actions = ['PutObject', 'GetObject', 'DeleteObject', 'AbortMultipartUpload', 'ListMultipartUploadParts']
  const tags = ['GetObjectTagging', 'PutObjectTagging']
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Action: [...actions, ...tags].map((name) => `s3:${name}`),
        Resource: `arn:aws:s3:::${BUCKET}/${PREFIX}*`,
        Condition: before,
      },
      {
        Effect: 'Allow',
        Action: 's3:ListBucket',
        Resource: `arn:aws:s3:::${BUCKET}`,
        Condition: { StringLike: { 's3:prefix': `${PREFIX}*` }, ...before },
      },
    ],
  })
}

function environment(aws: SandboxAws, folder: string): Record<string, string> {
  return {
    PATH: process.env.PATH ?? '',
    HOME: folder,
    // pyenv finds its programs through this variable when HOME is changed.
    ...(process.env.PYENV_ROOT === undefined ? {} : { PYENV_ROOT: process.env.PYENV_ROOT }),
    AWS_ENDPOINT_URL: aws.url,
    AWS_DEFAULT_REGION: REGION,
    AWS_CONFIG_FILE: join(folder, 'config'),
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_EC2_METADATA_DISABLED: 'true',
  }
}

function keyEnvironment({ accessKeyId, secretAccessKey, sessionToken }: Keys): Record<string, string> {
  return {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    ...(sessionToken === undefined ? {} : { AWS_SESSION_TOKEN: sessionToken }),
  }
}

async function run(program: string, args: readonly string[], env: Record<string, string>, cwd: string): Promise<Ended> {
  const child = spawn(program, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended])
  return { code, stdout, stderr }
}

/** Writes a file of this many bytes, in which neighbouring bytes differ. */
export async function writeBytes({ folder }: S3Fixture, name: string, bytes: number): Promise<Buffer> {
  const body = Buffer.from(Uint32Array.from({ length: Math.ceil(bytes / 4) }, (_, at) => at * 2_654_435_761).buffer)
  const content = body.subarray(0, bytes)
  await writeFile(join(folder, name), content)
  return content
}

/** Makes a presigned path and query by "Authenticating Requests: Using Query Parameters". `path` must need no encoding. */
export function presignPath(keys: Keys, method: 'GET' | 'PUT', host: string, path: string): string {
  const date = new Date().toISOString().replace(/[-:]|\.\d+/g, '')
  const scope = `${date.slice(0, 8)}/${REGION}/s3/aws4_request`
  const query = [
    'X-Amz-Algorithm=AWS4-HMAC-SHA256',
    `X-Amz-Credential=${encodeURIComponent(`${keys.accessKeyId}/${scope}`)}`,
    `X-Amz-Date=${date}`,
    'X-Amz-Expires=300',
    ...(keys.sessionToken === undefined ? [] : [`X-Amz-Security-Token=${encodeURIComponent(keys.sessionToken)}`]),
    'X-Amz-SignedHeaders=host',
  ].join('&')
  const canonical = [method, path, query, `host:${host}\n`, 'host', 'UNSIGNED-PAYLOAD'].join('\n')
  const digest = createHash('sha256').update(canonical).digest('hex')
  const text = `AWS4-HMAC-SHA256\n${date}\n${scope}\n${digest}`
  const signingKey = scope
    .split('/')
    .reduce<string | Buffer>(
      (key, part) => createHmac('sha256', key).update(part).digest(),
      `AWS4${keys.secretAccessKey}`,
    )
  return `${path}?${query}&X-Amz-Signature=${createHmac('sha256', signingKey).update(text).digest('hex')}`
}

export function presign({ aws }: S3Fixture, keys: Keys, method: 'GET' | 'PUT', key: string): string {
  return aws.url + presignPath(keys, method, new URL(aws.url).host, `/${BUCKET}/${key}`)
}
