import { createHash, randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { FinishedCall, Identity } from '../call.ts'
import { isoSeconds } from '../clock.ts'
import type { AwsState } from '../state.ts'
import type { JsonObject } from './json.ts'
import { eventName, isDataEvent, s3Details } from './trail-s3.ts'

/** An event on the bus: EventBridge's envelope around one CloudTrail record. */
export interface BusEvent extends JsonObject {
  readonly id: string
  readonly source: string
  readonly account: string
  readonly region: string
  readonly 'detail-type': string
  readonly detail: JsonObject
}

interface Described {
  readonly requestParameters: JsonObject | null
  readonly responseElements: JsonObject | null
  readonly extra: JsonObject
}

/** Makes the records of a call in one account. Both accounts of a call share the id; an unauthenticated call has no record ("Logging Amazon S3 API calls"). */
export function recordsOf(call: FinishedCall, state: AwsState, sharedId?: string): readonly BusEvent[] {
  // Console sign-ins have another kind of record, which the sandbox does not make.
  if (call.identity === undefined || call.service === 'signin') return []
  const region = regionOf(call, state)
  const described = call.service === 's3' ? s3Details(call, state, region) : managementDetails(call)
  const base = baseOf(call, call.identity, state, region)
  const record: JsonObject = {
    ...base,
    eventName: eventName(call),
    ...errorOf(call),
    requestParameters: described.requestParameters,
    responseElements: call.error === undefined ? described.responseElements : null,
    ...described.extra,
    eventID: randomUUID(),
    ...(sharedId === undefined ? {} : { sharedEventID: sharedId }),
    readOnly: isReadOnly(call),
    eventType: 'AwsApiCall',
    managementEvent: !isDataEvent(call),
    recipientAccountId: state.account,
    eventCategory: isDataEvent(call) ? 'Data' : 'Management',
  }
  const wrap = (type: string, detail: JsonObject): BusEvent => ({
    version: '0',
    id: randomUUID(),
    'detail-type': type,
    source: `aws.${call.service}`,
    account: state.account,
    time: isoSeconds(call.at),
    region,
    resources: [],
    detail,
  })
  const perKey = deletedKeys(call).map((key) => wrap('AWS Service Event via CloudTrail', keyRecord(record, key)))
  return [wrap('AWS API Call via CloudTrail', record), ...perKey]
}

/** IAM has one control plane, in us-east-1. STS and EventBridge record the Region of the signature. */
function regionOf(call: FinishedCall, state: AwsState): string {
  if (call.service === 'iam') return 'us-east-1'
  const bucket = call.parameters.bucketName
  if (call.service === 's3' && typeof bucket === 'string') return state.buckets.get(bucket)?.region ?? state.region
  return signedRegion(call.request.headers.authorization) ?? state.region
}

/** Reads the Region from the credential scope of a signature. */
export function signedRegion(authorization: string | undefined): string | undefined {
  return /Credential=[^/]+\/\d{8}\/([a-z0-9-]+)\//.exec(authorization ?? '')?.[1]
}

function baseOf(call: FinishedCall, identity: Identity, state: AwsState, region: string): JsonObject {
  const agent = call.request.headers['user-agent'] ?? '-'
  return {
    eventVersion: '1.11',
    userIdentity: userIdentity(identity, state),
    eventTime: isoSeconds(call.at),
    eventSource: `${call.service}.amazonaws.com`,
    awsRegion: region,
    sourceIPAddress: call.request.sourceIp,
    userAgent: call.service === 's3' ? `[${agent}]` : agent,
    requestID: call.request.requestId,
  }
}

function userIdentity(identity: Identity, state: AwsState): JsonObject {
  const common = {
    principalId: identity.userId,
    arn: identity.arn,
    accountId: identity.account,
    accessKeyId: identity.accessKeyId,
  }
  if (identity.type === 'user') return { type: 'IAMUser', ...common, userName: identity.userName }
  const { session } = identity
  return {
    type: 'AssumedRole',
    ...common,
    sessionContext: {
      sessionIssuer: {
        type: 'Role',
        principalId: session.roleId,
        arn: session.roleArn,
        accountId: state.account,
        userName: session.roleName,
      },
      attributes: { creationDate: isoSeconds(session.issuedAt), mfaAuthenticated: 'false' },
      ...(session.sourceIdentity === undefined ? {} : { sourceIdentity: session.sourceIdentity }),
    },
  }
}

function errorOf({ error }: FinishedCall): JsonObject {
  return error === undefined ? {} : { errorCode: error.code, errorMessage: error.message }
}

/** CloudTrail marks AssumeRole and similar calls as read-only. */
function isReadOnly(call: FinishedCall): boolean {
  return /^(Get|List|Describe|Head|Test|Simulate|AssumeRole|Lookup|Search)/.test(call.action)
}

const JSON_OBJECT = z.record(z.string(), z.json())

/** Parameter names begin in lower case in CloudTrail. The sandbox leaves out lists of the Query protocol. */
function managementDetails(call: FinishedCall): Described {
  const told = Object.entries(call.parameters).filter(([name]) => !name.includes('.'))
  const requestParameters = camelCased(asJson(Object.fromEntries(told)))
  if (call.action === 'AssumeRole') return { requestParameters, ...assumeRoleDetails(call) }
  const { responseElements } = call.facts
  return {
    requestParameters,
    responseElements: responseElements === undefined || isReadOnly(call) ? null : camelCased(asJson(responseElements)),
    extra: {},
  }
}

function asJson(value: unknown): JsonObject {
  return JSON_OBJECT.parse(JSON.parse(JSON.stringify(value)))
}

function camelCased(object: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(object).map(([name, value]) => [name.charAt(0).toLowerCase() + name.slice(1), value]),
  )
}

const SESSION = z.object({
  session: z.object({
    accessKeyId: z.string(),
    sessionToken: z.string(),
    expiresAt: z.number(),
    roleId: z.string(),
    sessionName: z.string(),
    arn: z.string(),
    sourceIdentity: z.string().optional(),
  }),
})

/** Real records of AssumeRole contain the session token but not the secret key. Receivers must remove the token. */
function assumeRoleDetails(call: FinishedCall): Omit<Described, 'requestParameters'> {
  const arn = String(call.parameters.RoleArn)
  const extra = { resources: [{ accountId: arn.split(':')[4] ?? '', type: 'AWS::IAM::Role', ARN: arn }] }
  const opened = SESSION.safeParse(call.facts)
  if (!opened.success) return { responseElements: null, extra }
  const {
    accessKeyId,
    sessionToken,
    expiresAt,
    roleId,
    sessionName,
    arn: sessionArn,
    sourceIdentity,
  } = opened.data.session
  const responseElements = {
    credentials: { accessKeyId, sessionToken, expiration: isoSeconds(expiresAt) },
    assumedRoleUser: { assumedRoleId: `${roleId}:${sessionName}`, arn: sessionArn },
    ...(sourceIdentity === undefined ? {} : { sourceIdentity }),
  }
  return { responseElements, extra }
}

const DELETED = z.array(
  z.object({ key: z.string(), error: z.object({ code: z.string(), message: z.string() }).optional() }),
)

type DeletedKey = z.infer<typeof DELETED>[number]

function deletedKeys(call: FinishedCall): readonly DeletedKey[] {
  return call.facts.deletedKeys === undefined ? [] : DELETED.parse(call.facts.deletedKeys)
}

/** A batch delete has one DeleteObject record for each key besides its own record. They are service events, not calls. */
function keyRecord(batch: JsonObject, { key, error }: DeletedKey): JsonObject {
  const bucket = z.object({ bucketName: z.string(), Host: z.string() }).parse(batch.requestParameters)
  return {
    ...batch,
    eventName: 'DeleteObject',
    ...(error === undefined ? {} : { errorCode: error.code, errorMessage: error.message }),
    requestParameters: { ...bucket, key },
    resources: [
      { type: 'AWS::S3::Object', ARN: `arn:aws:s3:::${bucket.bucketName}/${key}` },
      { type: 'AWS::S3::Bucket', ARN: `arn:aws:s3:::${bucket.bucketName}` },
    ],
    eventID: randomUUID(),
    ...(typeof batch.sharedEventID === 'string' ? { sharedEventID: idOf(batch.sharedEventID + key) } : {}),
    eventType: 'AwsServiceEvent',
  }
}

function idOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32)
}
