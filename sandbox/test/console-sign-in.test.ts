import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam'
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { BUCKET, type Keys, REGION, type S3Fixture, startS3Fixture } from './s3-fixture.ts'

/** The federation endpoint of the sandbox's console (IAM User Guide, "Enabling custom identity broker access to the AWS console"). */

const DESTINATION = `https://console.aws.amazon.com/s3/buckets/${BUCKET}`

let fixture: S3Fixture
let keys: Keys

beforeEach(async () => {
  fixture = await startS3Fixture()
  keys = await fixture.session('g-console00001')
})

afterEach(() => fixture.stop())

function federation(query: Readonly<Record<string, string>>): Promise<Response> {
  return fetch(`${fixture.aws.url}/federation?${new URLSearchParams(query)}`)
}

function session({ accessKeyId, secretAccessKey, sessionToken = '' }: Keys): string {
  return JSON.stringify({ sessionId: accessKeyId, sessionKey: secretAccessKey, sessionToken })
}

async function token(of: Keys = keys, more: Readonly<Record<string, string>> = {}): Promise<Response> {
  return federation({ Action: 'getSigninToken', Session: session(of), ...more })
}

async function signinToken(): Promise<string> {
  const { SigninToken } = await (await token()).json()
  return SigninToken
}

const login = (SigninToken: string, Destination = DESTINATION) =>
  federation({ Action: 'login', Issuer: 'https://latchkey.example', Destination, SigninToken })

describe('a sign-in token', () => {
  test('signs its session in, until its credentials end, once', async () => {
    const given = await signinToken()
    const page = await login(given)
    expect(page.status).toBe(200)
    const text = await page.text()
    const ends = fixture.aws.state.sessions.get(keys.accessKeyId)?.expiresAt ?? 0
    expect(text).toContain('assumed-role/prod/g-console00001')
    expect(text).toContain(`until ${new Date(ends).toISOString().slice(0, 19)}Z`)
    expect(text).toContain(DESTINATION)
    expect((await login(given)).status).toBe(400)
  })

  test('is over after fifteen minutes', async () => {
    const given = await signinToken()
    fixture.aws.clock.advance(15 * 60_000)
    expect((await login(given)).status).toBe(400)
  })

  test('leads nowhere but to the console', async () => {
    expect((await login(await signinToken(), 'https://console.aws.amazon.com.example.com/')).status).toBe(400)
  })

  test('that nobody was given signs nobody in', async () => {
    expect((await login('made-up')).status).toBe(400)
  })

  test('may last longer than its credentials, within what the role allows', async () => {
    expect((await token(keys, { SessionDuration: '3600' })).status).toBe(200)
    expect((await token(keys, { SessionDuration: '3601' })).status).toBe(400)
    expect((await token(keys, { SessionDuration: '899' })).status).toBe(400)
  })
})

describe('no token is given', () => {
  test.each([
    ['for another secret', (of: Keys) => session({ ...of, secretAccessKey: 'another' })],
    ['for another token', (of: Keys) => session({ ...of, sessionToken: 'another' })],
    ['for a key that lasts', () => session(fixture.seeded.keys.owner)],
    ['for no session', () => 'session'],
  ])('%s', async (_, of) => {
    expect((await federation({ Action: 'getSigninToken', Session: of(keys) })).status).toBe(400)
  })

  test('for credentials that are over', async () => {
    fixture.aws.clock.advance(900_000)
    expect((await token()).status).toBe(400)
  })

  test('for a length of time when the session came from another', async () => {
    const hopArn = await newRole('hop')
    const hop = await assume(fixture.seeded.keys.owner, hopArn)
    const chained = await assume(hop, hopArn)
    expect((await token(hop, { SessionDuration: '900' })).status).toBe(200)
    expect((await token(chained, { SessionDuration: '900' })).status).toBe(400)
    expect((await token(chained)).status).toBe(200)
  })
})

/** Makes a role that every principal of the account with the permission may enter, the role itself included. */
async function newRole(RoleName: string): Promise<string> {
  const document = (statement: object) =>
    JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', ...statement }] })
  const iam = new IAMClient({ endpoint: fixture.aws.url, region: 'us-east-1', credentials: fixture.seeded.keys.owner })
  const AssumeRolePolicyDocument = document({ Principal: { AWS: '111122223333' } })
  const { Role } = await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument }))
  const PolicyDocument = document({ Resource: '*' })
  await iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: 'enter', PolicyDocument }))
  iam.destroy()
  return Role?.Arn ?? ''
}

async function assume(credentials: Keys, RoleArn: string): Promise<Keys> {
  const sts = new STSClient({ endpoint: fixture.aws.url, region: REGION, credentials })
  const { Credentials } = await sts.send(new AssumeRoleCommand({ RoleArn, RoleSessionName: 'hop' }))
  sts.destroy()
  const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '' } = Credentials ?? {}
  return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken }
}

test('the journal says who signed in where, and holds no secret', async () => {
  const given = await signinToken()
  await login(given)
  const entries = fixture.aws.journal.entries().filter(({ service }) => service === 'signin')
  expect(entries.map(({ action, identity }) => [action, identity])).toEqual(
    ['GetSigninToken', 'ConsoleLogin'].map((action) => [
      action,
      'arn:aws:sts::111122223333:assumed-role/prod/g-console00001',
    ]),
  )
  const written = JSON.stringify(entries)
  for (const secret of [given, keys.secretAccessKey, keys.sessionToken ?? '']) expect(written).not.toContain(secret)
})
