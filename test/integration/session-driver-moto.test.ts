import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import {
  CreateAccessKeyCommand,
  CreatePolicyCommand,
  CreateRoleCommand,
  CreateUserCommand,
  IAMClient,
} from '@aws-sdk/client-iam'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sessionDriver } from '../../src/aws/session-driver.ts'

/** moto is somebody else's AWS: what it takes of our calls was not agreed between our own two hands. It enforces nothing; that is not asked here. */
const present = spawnSync('moto_server', ['--help'], { stdio: 'ignore' }).status === 0
const ACCOUNT = '123456789012'

const calls: { readonly action: string; readonly status: number }[] = []
let moto: ChildProcess
let front: Server

/** Every name that src/aws takes from an SDK and that is a call. */
function importedCommands(): readonly string[] {
  const folder = fileURLToPath(new URL('../../src/aws/', import.meta.url))
  const files = readdirSync(folder).filter((name) => name.endsWith('.ts'))
  const imports = files.flatMap(
    (name) => readFileSync(folder + name, 'utf8').match(/import [^;]*? from '@aws-sdk\/[^']+'/gs) ?? [],
  )
  const names = imports.flatMap((line) => [...line.matchAll(/\b(\w+)Command\b/g)].map(([, name]) => name ?? ''))
  return [...new Set(names)].sort()
}

async function startMoto(): Promise<string> {
  moto = spawn('moto_server', ['-H', '127.0.0.1', '-p', '0'], { stdio: ['ignore', 'ignore', 'pipe'] })
  if (!moto.stderr) throw new Error('moto_server has no standard error')
  for await (const line of createInterface(moto.stderr)) {
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0]
    if (url) {
      moto.stderr.resume()
      return url
    }
  }
  throw new Error('moto_server ended before it listened')
}

/** Stands in front and writes down which call was answered how. */
async function listenInFront(target: string): Promise<string> {
  front = createServer(async (request, response) => {
    const body = await text(request)
    const headers = Object.entries(request.headers).filter(
      ([name]) => !['host', 'connection', 'content-length'].includes(name),
    )
    const answer = await fetch(target + (request.url ?? '/'), {
      method: request.method ?? 'POST',
      headers: headers.map(([name, value]): [string, string] => [name, String(value)]),
      body,
    })
    calls.push({ action: new URLSearchParams(body).get('Action') ?? '', status: answer.status })
    response.writeHead(answer.status, { 'content-type': 'text/xml', date: answer.headers.get('date') ?? '' })
    response.end(await answer.text())
  })
  front.listen(0, '127.0.0.1')
  await once(front, 'listening')
  return `http://127.0.0.1:${(front.address() as AddressInfo).port}`
}

async function seed(): Promise<void> {
  const iam = new IAMClient({ region: 'us-east-1', credentials: { accessKeyId: 'SANDBOX', secretAccessKey: 'seed' } })
  const { User } = await iam.send(new CreateUserCommand({ UserName: 'latchkey-web', Path: '/latchkey/' }))
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: 'latchkey-web' }))
  const boundary = await iam.send(
    new CreatePolicyCommand({
      PolicyName: 'LatchkeyBoundary',
      Path: '/latchkey/',
      PolicyDocument: JSON.stringify({
        Version: '2012-10-17',
        Statement: [
          { Effect: 'Allow', Action: ['s3:GetObject', 's3:PutObject'], Resource: 'arn:aws:s3:::finance-reports/*' },
          { Effect: 'Allow', Action: 's3:ListBucket', Resource: 'arn:aws:s3:::finance-reports' },
        ],
      }),
    }),
  )
  const enter = {
    Effect: 'Allow',
    Principal: { AWS: User?.Arn },
    Condition: { StringLike: { 'sts:SourceIdentity': '*' } },
  }
  await iam.send(
    new CreateRoleCommand({
      RoleName: 'prod',
      Path: '/latchkey/',
      PermissionsBoundary: boundary.Policy?.Arn,
      AssumeRolePolicyDocument: JSON.stringify({
        Version: '2012-10-17',
        Statement: [{ ...enter, Action: ['sts:AssumeRole', 'sts:SetSourceIdentity', 'sts:TagSession'] }],
      }),
    }),
  )
  process.env.AWS_ACCESS_KEY_ID = AccessKey?.AccessKeyId
  process.env.AWS_SECRET_ACCESS_KEY = AccessKey?.SecretAccessKey
}

describe.skipIf(!present)('the session driver against moto (needs moto_server on the PATH)', () => {
  beforeAll(async () => {
    process.env.AWS_ENDPOINT_URL = await listenInFront(await startMoto())
    await seed()
    calls.length = 0
  }, 60_000)

  afterAll(async () => {
    front.close()
    front.closeAllConnections()
    moto.kill()
    if (moto.exitCode === null) await once(moto, 'exit')
  })

  it('every call that src/aws can make is made, and moto takes its shape', async () => {
    const driver = sessionDriver({
      accounts: new Map([['prod', { name: 'prod', id: ACCOUNT, elevationRole: 'latchkey/prod' }]]),
      buckets: new Map([
        ['finance-reports', { bucket: 'finance-reports', account: 'prod', region: 'eu-west-1', owners: [] }],
      ]),
      log: { warn: () => undefined },
    })
    const draft = {
      grantId: 'g-0123456789ab',
      requester: '0b6f2a34-7d0e-4f7c-9a55-1c1f0f9d2a10',
      scopes: [{ bucket: 'finance-reports', key: '2026/' }],
      levels: ['read', 'write'],
    } as const
    const principal = await driver.preflight(ACCOUNT, draft)
    expect(await driver.principals()).toEqual([principal])
    expect(await driver.readDeny(principal)).toBeUndefined()
    const deny = { epoch: 'e1', issuedBefore: '2026-01-01T00:00:00Z', denied: [`${principal.roleId}:g-0123456789ab`] }
    expect(await driver.writeDeny(principal, deny)).toEqual(deny)
    expect(await driver.readDeny(principal)).toEqual(deny)
    const order = { ...draft, principal, endsAt: `${new Date(Date.now() + 3_600_000).toISOString().slice(0, 19)}Z` }
    await driver.activate(order, Date.now())
    const credentials = await driver.vend(order)
    expect(Date.parse(credentials.expiresAt)).toBeLessThanOrEqual(Date.parse(order.endsAt))
    expect(await driver.preflight(ACCOUNT, draft)).toEqual(principal)
    const refused = calls.filter(({ status }) => status >= 300)
    expect(refused).toEqual([{ action: 'GetRolePolicy', status: 404 }])
    expect([...new Set(calls.map(({ action }) => action))].sort()).toEqual(importedCommands())
  })
})
