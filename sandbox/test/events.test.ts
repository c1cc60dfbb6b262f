import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import {
  CreateApiDestinationCommand,
  CreateConnectionCommand,
  DeleteConnectionCommand,
  DeleteRuleCommand,
  DescribeApiDestinationCommand,
  DescribeConnectionCommand,
  DescribeRuleCommand,
  EventBridgeClient,
  ListRulesCommand,
  ListTargetsByRuleCommand,
  PutEventsCommand,
  PutRuleCommand,
  PutTargetsCommand,
  RemoveTargetsCommand,
  TestEventPatternCommand,
  UpdateConnectionCommand,
} from '@aws-sdk/client-eventbridge'
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam'
import {
  DeleteObjectsCommand,
  GetObjectCommand,
  PutBucketPolicyCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { BusEvent } from '../aws/events/trail.ts'
import { BUCKET, type Keys, PREFIX, REGION, type S3Fixture, startS3Fixture } from './s3-fixture.ts'

interface Received {
  readonly headers: IncomingHttpHeaders
  readonly body: BusEvent
}

interface Answer {
  /** `cut`: the connection closes without an answer. `never`: no answer comes. */
  readonly status: number | 'cut' | 'never'
  readonly headers?: Readonly<Record<string, string>>
}

let fixture: S3Fixture
let owner: EventBridgeClient
let receiver: Server
let endpoint: string
let received: Received[]
let answers: Answer[]
let keys: Keys
let s3: S3Client

beforeEach(async () => {
  // One minute of back-off becomes six milliseconds.
  fixture = await startS3Fixture({ delivery: { backoffFactor: 0.0001 } })
  owner = new EventBridgeClient({ endpoint: fixture.aws.url, region: REGION, credentials: fixture.seeded.keys.owner })
  received = []
  answers = []
  receiver = createServer(async (request, response) => {
    received.push({ headers: request.headers, body: JSON.parse(await text(request)) })
    const { status, headers } = answers.shift() ?? { status: 202 }
    if (status === 'cut') response.destroy()
    else if (status !== 'never') response.writeHead(status, headers).end()
  })
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
  endpoint = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/api/cloudtrail`
  keys = await fixture.session('g-events000001')
  s3 = fixture.s3(keys)
})

afterEach(async () => {
  owner.destroy()
  await fixture.stop()
  receiver.closeAllConnections()
  await new Promise((resolve) => receiver.close(resolve))
})

const PATTERN = JSON.stringify({
  source: ['aws.s3'],
  detail: { $or: [{ readOnly: [false] }, { errorCode: ['AccessDenied'] }] },
})

/** Creates connection, destination, invoke role, rule and target, as an owner does. */
async function wire(pattern = PATTERN, retryPolicy: { MaximumRetryAttempts?: number } = {}): Promise<string> {
  const iam = new IAMClient({ endpoint: fixture.aws.url, region: 'us-east-1', credentials: fixture.seeded.keys.owner })
  const statement = { Effect: 'Allow', Principal: { Service: 'events.amazonaws.com' }, Action: 'sts:AssumeRole' }
  const trust = JSON.stringify({ Version: '2012-10-17', Statement: [statement] })
  const role = await iam.send(new CreateRoleCommand({ RoleName: 'invoke', AssumeRolePolicyDocument: trust }))
  const rights = { Effect: 'Allow', Action: 'events:InvokeApiDestination', Resource: '*' }
  const document = JSON.stringify({ Version: '2012-10-17', Statement: [rights] })
  await iam.send(new PutRolePolicyCommand({ RoleName: 'invoke', PolicyName: 'invoke', PolicyDocument: document }))
  iam.destroy()
  const arn = await connect()
  await owner.send(new PutRuleCommand({ Name: 'latchkey-s3', EventPattern: pattern }))
  const Targets = [{ Id: 'latchkey', Arn: arn, RoleArn: role.Role?.Arn, RetryPolicy: retryPolicy }]
  const put = await owner.send(new PutTargetsCommand({ Rule: 'latchkey-s3', Targets }))
  expect(put.FailedEntryCount).toBe(0)
  return arn
}

function apiKey(ApiKeyValue: string) {
  return { ApiKeyAuthParameters: { ApiKeyName: 'x-latchkey-key', ApiKeyValue } }
}

async function connect(): Promise<string> {
  const { ConnectionArn } = await owner.send(
    new CreateConnectionCommand({ Name: 'latchkey', AuthorizationType: 'API_KEY', AuthParameters: apiKey('the-key') }),
  )
  const { ApiDestinationArn = '' } = await owner.send(
    new CreateApiDestinationCommand({
      Name: 'latchkey',
      ConnectionArn,
      InvocationEndpoint: endpoint,
      HttpMethod: 'POST',
      InvocationRateLimitPerSecond: 50,
    }),
  )
  return ApiDestinationArn
}

async function put(key: string): Promise<void> {
  await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: key, Body: 'body' }))
}

function keyOf({ body }: Received): unknown {
  const parameters = body.detail.requestParameters
  return typeof parameters === 'object' && parameters !== null && 'key' in parameters ? parameters.key : undefined
}

describe('records', () => {
  test('a write by a session names role, session, source identity, key and bytes', async () => {
    await put(`${PREFIX}x`)
    const record = fixture.aws.events.records().at(-1)
    const roleId = fixture.seeded.roles[0]?.roleId
    expect(record).toMatchObject({
      'detail-type': 'AWS API Call via CloudTrail',
      source: 'aws.s3',
      region: REGION,
      detail: {
        eventName: 'PutObject',
        eventSource: 's3.amazonaws.com',
        userIdentity: {
          type: 'AssumedRole',
          principalId: `${roleId}:g-events000001`,
          arn: 'arn:aws:sts::111122223333:assumed-role/prod/g-events000001',
          accessKeyId: keys.accessKeyId,
          sessionContext: {
            sessionIssuer: { type: 'Role', principalId: roleId, arn: 'arn:aws:iam::111122223333:role/latchkey/prod' },
            sourceIdentity: 'requester-object-id',
          },
        },
        requestParameters: { bucketName: BUCKET, key: `${PREFIX}x`, Host: `${BUCKET}.s3.${REGION}.amazonaws.com` },
        additionalEventData: { bytesTransferredIn: 4, AuthenticationMethod: 'AuthHeader' },
        readOnly: false,
        managementEvent: false,
        eventCategory: 'Data',
        eventType: 'AwsApiCall',
      },
    })
    expect(record?.detail).not.toHaveProperty('sharedEventID')
    expect(record?.detail).not.toHaveProperty('errorCode')
  })

  test('a refused call is recorded with its error, a read as read-only', async () => {
    await expect(put('outside')).rejects.toThrow('not authorized')
    expect(fixture.aws.events.records().at(-1)?.detail).toMatchObject({
      eventName: 'PutObject',
      errorCode: 'AccessDenied',
      errorMessage: expect.stringContaining('s3:PutObject'),
      responseElements: null,
    })
    fixture.aws.s3.put(BUCKET, `${PREFIX}r`, 'read')
    await s3.send(new GetObjectCommand({ Bucket: BUCKET, Key: `${PREFIX}r` }))
    expect(fixture.aws.events.records().at(-1)?.detail).toMatchObject({
      eventName: 'GetObject',
      readOnly: true,
      additionalEventData: { bytesTransferredOut: 4 },
    })
  })

  test('a batch delete leaves its own record and one of the service for each key, refused ones too', async () => {
    const Objects = [{ Key: `${PREFIX}a` }, { Key: 'outside' }]
    await s3.send(new DeleteObjectsCommand({ Bucket: BUCKET, Delete: { Objects } }))
    const [batch, first, second] = fixture.aws.events.records().slice(-3)
    expect(batch?.detail).toMatchObject({ eventName: 'DeleteObjects', eventType: 'AwsApiCall', managementEvent: false })
    expect(first).toMatchObject({
      'detail-type': 'AWS Service Event via CloudTrail',
      detail: { eventName: 'DeleteObject', eventType: 'AwsServiceEvent', requestParameters: { key: `${PREFIX}a` } },
    })
    expect(second?.detail).toMatchObject({ requestParameters: { key: 'outside' }, errorCode: 'AccessDenied' })
    expect(new Set([batch, first, second].map((one) => one?.detail.eventID)).size).toBe(3)
    expect(new Set([batch, first, second].map((one) => one?.detail.requestID)).size).toBe(1)
  })

  test('a new bucket policy is recorded as the document it is', async () => {
    const statement = {
      Effect: 'Deny',
      Principal: '*',
      Action: 's3:DeleteObject',
      Resource: `arn:aws:s3:::${BUCKET}/*`,
    }
    const policy = { Version: '2012-10-17', Statement: [statement] }
    const asOwner = fixture.s3(fixture.seeded.keys.owner)
    await asOwner.send(new PutBucketPolicyCommand({ Bucket: BUCKET, Policy: JSON.stringify(policy) }))
    expect(fixture.aws.events.records().at(-1)?.detail).toMatchObject({
      eventName: 'PutBucketPolicy',
      eventCategory: 'Management',
      requestParameters: { bucketName: BUCKET, bucketPolicy: policy },
    })
  })

  test('AssumeRole carries the session token, as real records do, and never the secret key', async () => {
    const record = fixture.aws.events.records().find(({ detail }) => detail.eventName === 'AssumeRole')
    expect(record).toMatchObject({
      source: 'aws.sts',
      detail: {
        eventCategory: 'Management',
        managementEvent: true,
        userIdentity: { type: 'IAMUser', userName: 'latchkey-web' },
        requestParameters: { roleSessionName: 'g-events000001', sourceIdentity: 'requester-object-id' },
        responseElements: { credentials: { accessKeyId: keys.accessKeyId, sessionToken: keys.sessionToken } },
      },
    })
    expect(JSON.stringify(record)).not.toContain(keys.secretAccessKey)
  })
})

describe('delivery', () => {
  test('an event arrives with the headers of an API destination and its key', async () => {
    await wire()
    await put(`${PREFIX}x`)
    await fixture.aws.events.idle()
    expect(received).toHaveLength(1)
    expect(received[0]?.headers).toMatchObject({
      'user-agent': 'Amazon/EventBridge/ApiDestinations',
      'content-type': 'application/json; charset=utf-8',
      range: 'bytes=0-1048575',
      'accept-encoding': 'gzip,deflate',
      connection: 'close',
      'x-latchkey-key': 'the-key',
    })
    expect(received[0]?.body).toEqual(fixture.aws.events.records().at(-1))
  })

  test('401, 429, 503 and a lost connection are tried again, Retry-After is waited for', async () => {
    await wire()
    const busy = { status: 429, headers: { 'retry-after': '60' } }
    answers.push({ status: 401 }, busy, { status: 503 }, { status: 'cut' }, { status: 409 })
    await put(`${PREFIX}x`)
    await fixture.aws.events.idle()
    const attempts = fixture.aws.events.attempts()
    expect(attempts.map(({ status }) => status)).toEqual([401, 429, 503, undefined, 409, 202])
    expect(attempts[1]?.retryInMs).toBe(60_000)
    expect(new Set(received.map(({ body }) => body.id)).size).toBe(1)
  })

  test('an endpoint that keeps silent for five seconds is asked again', async () => {
    await wire()
    answers.push({ status: 'never' })
    await put(`${PREFIX}x`)
    await fixture.aws.events.idle()
    expect(fixture.aws.events.attempts().map(({ status }) => status)).toEqual([undefined, 202])
  })

  test('any other refusal is final, and a negative Retry-After too', async () => {
    await wire()
    answers.push({ status: 400 }, { status: 302 }, { status: 503, headers: { 'retry-after': '-1' } })
    for (const name of ['a', 'b', 'c']) {
      await put(PREFIX + name)
      await fixture.aws.events.idle()
    }
    expect(received).toHaveLength(3)
    expect(fixture.aws.events.undelivered().map(({ retryAttempts }) => retryAttempts)).toEqual([0, 0, 0])
  })

  test('retries end where the target says so', async () => {
    await wire(PATTERN, { MaximumRetryAttempts: 2 })
    answers.push({ status: 500 }, { status: 500 }, { status: 500 })
    await put(`${PREFIX}x`)
    await fixture.aws.events.idle()
    expect(received).toHaveLength(3)
    expect(fixture.aws.events.undelivered()).toMatchObject([{ retryAttempts: 2, errorCode: 'INVOCATION_FAILURE' }])
  })

  test('a retry after a rotation carries the new key', async () => {
    await wire()
    fixture.aws.events.pause()
    await put(`${PREFIX}x`)
    await owner.send(new UpdateConnectionCommand({ Name: 'latchkey', AuthParameters: apiKey('new-key') }))
    fixture.aws.events.resume()
    await fixture.aws.events.idle()
    expect(received.map(({ headers }) => headers['x-latchkey-key'])).toEqual(['new-key'])
  })

  test('what CloudTrail and EventBridge may do to events, a test may do', async () => {
    const { events } = fixture.aws
    await wire()
    events.drop(1, ({ detail }) => detail.eventName === 'PutObject')
    await put(`${PREFIX}dropped`)
    events.duplicate(1)
    events.pause()
    await put(`${PREFIX}first`)
    await put(`${PREFIX}second`)
    expect(received).toEqual([])
    events.resume('reversed')
    await events.idle()
    expect(received.map(keyOf).sort()).toEqual([`${PREFIX}first`, `${PREFIX}first`, `${PREFIX}second`])
  })

  test('without the right to invoke nothing is sent: straight to the dead letters', async () => {
    await wire()
    fixture.aws.state.roles.get('invoke')?.inline.delete('invoke', fixture.aws.clock.now())
    await put(`${PREFIX}x`)
    await fixture.aws.events.idle()
    expect(received).toEqual([])
    expect(fixture.aws.events.undelivered()).toMatchObject([{ errorCode: 'NO_PERMISSIONS', retryAttempts: 0 }])
  })

  test('reads of the control plane reach only a rule that asks for them', async () => {
    await wire(JSON.stringify({ source: ['aws.events'] }))
    await owner.send(new DescribeRuleCommand({ Name: 'latchkey-s3' }))
    await fixture.aws.events.idle()
    expect(received.map(({ body }) => body.detail.eventName)).toEqual(['PutTargets'])
  })
})

describe('the API', () => {
  test('answers what is there, and hides the key', async () => {
    const arn = await wire()
    expect(await owner.send(new DescribeRuleCommand({ Name: 'latchkey-s3' }))).toMatchObject({ State: 'ENABLED' })
    const connection = await owner.send(new DescribeConnectionCommand({ Name: 'latchkey' }))
    expect(connection).toMatchObject({ ConnectionState: 'AUTHORIZED', AuthorizationType: 'API_KEY' })
    expect(JSON.stringify(connection)).not.toContain('the-key')
    expect(JSON.stringify(fixture.aws.journal.entries())).not.toContain('the-key')
    expect(JSON.stringify(fixture.aws.events.records())).not.toContain('the-key')
    const destination = await owner.send(new DescribeApiDestinationCommand({ Name: 'latchkey' }))
    expect(destination).toMatchObject({ ApiDestinationState: 'ACTIVE', InvocationEndpoint: endpoint })
    const { Targets } = await owner.send(new ListTargetsByRuleCommand({ Rule: 'latchkey-s3' }))
    expect(Targets).toMatchObject([{ Id: 'latchkey', Arn: arn }])
    expect((await owner.send(new ListRulesCommand({ NamePrefix: 'latchkey-' }))).Rules).toHaveLength(1)
  })

  test('refuses what AWS refuses', async () => {
    await wire()
    const refused: readonly (readonly [Promise<unknown>, string])[] = [
      [owner.send(new DescribeRuleCommand({ Name: 'none' })), 'ResourceNotFoundException'],
      [owner.send(new DescribeConnectionCommand({ Name: 'none' })), 'ResourceNotFoundException'],
      [connect(), 'ResourceAlreadyExistsException'],
      [owner.send(new PutRuleCommand({ Name: 'r', EventPattern: '{"a":"b"}' })), 'InvalidEventPatternException'],
      [owner.send(new PutRuleCommand({ Name: 'no space', EventPattern: '{"a":["b"]}' })), 'ValidationException'],
      [owner.send(new DeleteRuleCommand({ Name: 'latchkey-s3' })), 'ValidationException'],
      [owner.send(new TestEventPatternCommand({ EventPattern: '{"a":["b"]}', Event: '{}' })), 'ValidationException'],
    ]
    for (const [call, name] of refused) await expect(call).rejects.toMatchObject({ name })
  })

  test('an endpoint is https, or http on a literal loopback address', async () => {
    await connect()
    const { ConnectionArn } = await owner.send(new DescribeConnectionCommand({ Name: 'latchkey' }))
    const create = (Name: string, InvocationEndpoint: string) =>
      owner.send(new CreateApiDestinationCommand({ Name, ConnectionArn, InvocationEndpoint, HttpMethod: 'POST' }))
    await expect(create('plain', 'http://example.com/')).rejects.toMatchObject({ name: 'ValidationException' })
    await expect(create('name', 'http://localhost/')).rejects.toMatchObject({ name: 'ValidationException' })
    await create('good', 'https://example.com/')
  })

  test('a target that cannot be is counted, though the answer is 200', async () => {
    await wire()
    const Arn = `arn:aws:events:${REGION}:111122223333:api-destination/none/0`
    const RoleArn = 'arn:aws:iam::111122223333:role/invoke'
    const put = await owner.send(new PutTargetsCommand({ Rule: 'latchkey-s3', Targets: [{ Id: 'x', Arn, RoleArn }] }))
    expect(put).toMatchObject({ FailedEntryCount: 1, FailedEntries: [{ ErrorCode: 'ResourceNotFoundException' }] })
  })

  test('tearing down is possible in order, and a second time', async () => {
    await wire()
    await owner.send(new RemoveTargetsCommand({ Rule: 'latchkey-s3', Ids: ['latchkey'] }))
    await owner.send(new DeleteRuleCommand({ Name: 'latchkey-s3' }))
    await owner.send(new DeleteRuleCommand({ Name: 'latchkey-s3' }))
    await owner.send(new DeleteConnectionCommand({ Name: 'latchkey' }))
    const destination = await owner.send(new DescribeApiDestinationCommand({ Name: 'latchkey' }))
    expect(destination.ApiDestinationState).toBe('INACTIVE')
  })

  test('only who may, may: Latchkey’s own identities write no rules', async () => {
    const web = new EventBridgeClient({
      endpoint: fixture.aws.url,
      region: REGION,
      credentials: fixture.seeded.keys.web,
    })
    const put = web.send(new PutRuleCommand({ Name: 'latchkey-s3', EventPattern: PATTERN }))
    await expect(put).rejects.toMatchObject({ name: 'AccessDeniedException' })
    web.destroy()
    const credentials = { ...fixture.seeded.keys.web, secretAccessKey: 'wrong' }
    const forged = new EventBridgeClient({ endpoint: fixture.aws.url, region: REGION, credentials })
    await expect(forged.send(new ListRulesCommand({}))).rejects.toMatchObject({ name: 'InvalidSignatureException' })
    forged.destroy()
  })

  test('a customer’s own events go through the same rules, but never under the name of AWS', async () => {
    await wire(JSON.stringify({ source: ['latchkey.selftest'] }))
    const entry = { DetailType: 'Self-test', Detail: '{"nonce":"1"}' }
    const answer = await owner.send(
      new PutEventsCommand({
        Entries: [
          { ...entry, Source: 'latchkey.selftest' },
          { ...entry, Source: 'aws.s3' },
          { ...entry, Source: 'latchkey.selftest', Detail: 'no JSON' },
        ],
      }),
    )
    expect(answer.FailedEntryCount).toBe(2)
    expect(answer.Entries?.map(({ ErrorCode }) => ErrorCode)).toEqual([
      undefined,
      'NotAuthorizedForSourceException',
      'MalformedDetail',
    ])
    await fixture.aws.events.idle()
    expect(received.map(({ body }) => body.detail)).toEqual([{ nonce: '1' }])
  })

  test('a pattern is tried against an event without any rule', async () => {
    await put(`${PREFIX}x`)
    const Event = JSON.stringify(fixture.aws.events.records().at(-1))
    const answer = await owner.send(new TestEventPatternCommand({ EventPattern: PATTERN, Event }))
    expect(answer.Result).toBe(true)
  })
})
