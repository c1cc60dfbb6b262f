import { z } from 'zod'
import type { FinishedCall } from '../call.ts'
import type { AwsState } from '../state.ts'
import type { JsonObject } from './json.ts'

/** The fields that only S3's records have ("Amazon S3 CloudTrail events"). */

/** Calls on a bucket that CloudTrail counts as data events. */
const BUCKET_DATA = new Set([
  'ListObjects',
  'ListObjectsV2',
  'ListObjectVersions',
  'ListMultipartUploads',
  'HeadBucket',
])

export function isDataEvent(call: FinishedCall): boolean {
  if (call.service !== 's3') return false
  return call.parameters.key !== undefined || call.action === 'DeleteObjects' || BUCKET_DATA.has(call.action)
}

/** CloudTrail calls both versions of the list call ListObjects. */
export function eventName(call: FinishedCall): string {
  return call.service === 's3' && call.action === 'ListObjectsV2' ? 'ListObjects' : call.action
}

const FACTS = z.object({
  bytesIn: z.number().default(0),
  bytesOut: z.number().default(0),
  responseElements: z.record(z.string(), z.json()).optional(),
})

export function s3Details(call: FinishedCall, state: AwsState, region: string) {
  const facts = FACTS.parse(call.facts)
  const parameters = z.record(z.string(), z.string()).parse(call.parameters)
  const { bucketName, key } = parameters
  const host = bucketName === undefined ? `s3.${region}.amazonaws.com` : `${bucketName}.s3.${region}.amazonaws.com`
  const source = parameters['x-amz-copy-source']?.replace(/^\//, '')
  const copied = source === undefined ? {} : { 'x-amz-copy-source': source }
  const presigned = call.request.rawQuery.includes('X-Amz-Signature=')
  const additionalEventData: JsonObject = {
    SignatureVersion: 'SigV4',
    bytesTransferredIn: facts.bytesIn,
    bytesTransferredOut: facts.bytesOut,
    ...(facts.bytesIn > 0 ? { SSEApplied: 'Default_SSE_S3' } : {}),
    AuthenticationMethod: presigned ? 'QueryString' : 'AuthHeader',
    'x-amz-id-2': 'sandbox',
  }
  const named = bucketName === undefined ? [] : resources(bucketName, key, source, state)
  return {
    requestParameters: { ...parameters, Host: host, ...copied, ...bucketPolicy(call) },
    responseElements: facts.responseElements ?? null,
    extra: { additionalEventData, resources: named },
  }
}

function resources(bucket: string, key: string | undefined, source: string | undefined, state: AwsState): JsonObject[] {
  const objects = [source, key === undefined ? undefined : `${bucket}/${key}`].filter((one) => one !== undefined)
  const accountId = state.buckets.get(bucket)?.account ?? state.account
  return [
    ...objects.map((one) => ({ type: 'AWS::S3::Object', ARN: `arn:aws:s3:::${one}` })),
    { accountId, type: 'AWS::S3::Bucket', ARN: `arn:aws:s3:::${bucket}` },
  ]
}

/** Parses the policy of a call that S3 accepted. A refused one may not be JSON. */
function bucketPolicy(call: FinishedCall): JsonObject {
  if (call.action !== 'PutBucketPolicy' || call.error !== undefined) return {}
  return { bucketPolicy: JSON.parse(call.request.body.toString()) }
}
