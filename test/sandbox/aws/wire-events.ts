import {
  CreateApiDestinationCommand,
  CreateConnectionCommand,
  EventBridgeClient,
  PutRuleCommand,
  PutTargetsCommand,
} from '@aws-sdk/client-eventbridge'
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam'
import type { KeyPair } from './seed.ts'

/** What an owner sets up so that CloudTrail's records of the elevation roles reach Latchkey. */
export interface Wire {
  /** Of the sandbox. */
  readonly awsUrl: string
  readonly account: string
  readonly region: string
  readonly owner: KeyPair
  readonly roleNames: readonly string[]
  /** Latchkey's `/api/cloudtrail`. */
  readonly endpoint: string
  readonly key: string
}

const NAME = 'latchkey'

export async function wireEvents(wire: Wire): Promise<void> {
  const at = { endpoint: wire.awsUrl, credentials: wire.owner }
  const [iam, events] = [
    new IAMClient({ ...at, region: 'us-east-1' }),
    new EventBridgeClient({ ...at, region: wire.region }),
  ]
  try {
    const roleArn = await createInvokeRole(iam, wire)
    const destinationArn = await createDestination(events, wire)
    await events.send(new PutRuleCommand({ Name: NAME, EventPattern: JSON.stringify(patternOf(wire)) }))
    const Targets = [{ Id: NAME, Arn: destinationArn, RoleArn: roleArn }]
    const { FailedEntryCount } = await events.send(new PutTargetsCommand({ Rule: NAME, Targets }))
    if (FailedEntryCount !== 0) throw new Error('EventBridge did not take the target.')
  } finally {
    iam.destroy()
    events.destroy()
  }
}

/** Every write by an elevation role, and everything that was refused to it; parts of uploads are noise. */
function patternOf({ account, roleNames }: Wire): object {
  return {
    source: ['aws.s3'],
    'detail-type': ['AWS API Call via CloudTrail', 'AWS Service Event via CloudTrail'],
    detail: {
      eventSource: ['s3.amazonaws.com'],
      $or: [{ readOnly: [false] }, { errorCode: ['AccessDenied'] }],
      eventName: [{ 'anything-but': ['UploadPart', 'UploadPartCopy', 'CreateMultipartUpload'] }],
      userIdentity: {
        arn: roleNames.map((roleName) => ({ prefix: `arn:aws:sts::${account}:assumed-role/${roleName}/` })),
      },
    },
  }
}

async function createInvokeRole(iam: IAMClient, { account, region }: Wire): Promise<string> {
  const RoleName = 'latchkey-events-invoke'
  const trust = document({ Principal: { Service: 'events.amazonaws.com' }, Action: 'sts:AssumeRole' })
  const { Role } = await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: trust }))
  const Resource = `arn:aws:events:${region}:${account}:api-destination/${NAME}/*`
  const rights = document({ Action: 'events:InvokeApiDestination', Resource })
  await iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: 'invoke', PolicyDocument: rights }))
  return Role?.Arn ?? ''
}

function document(statement: object): string {
  return JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', ...statement }] })
}

async function createDestination(events: EventBridgeClient, { endpoint, key }: Wire): Promise<string> {
  const ApiKeyAuthParameters = { ApiKeyName: 'x-latchkey-key', ApiKeyValue: key }
  const { ConnectionArn } = await events.send(
    new CreateConnectionCommand({ Name: NAME, AuthorizationType: 'API_KEY', AuthParameters: { ApiKeyAuthParameters } }),
  )
  const { ApiDestinationArn = '' } = await events.send(
    new CreateApiDestinationCommand({
      Name: NAME,
      ConnectionArn,
      InvocationEndpoint: endpoint,
      HttpMethod: 'POST',
      InvocationRateLimitPerSecond: 50,
    }),
  )
  return ApiDestinationArn
}
