import { AwsError, type Outcome } from '../call.ts'
import { parsePolicy } from '../policy.ts'
import { readPayload } from './body.ts'
import { bucketOf, empty, type Visit } from './visit.ts'
import { xmlReply } from './xml.ts'

export function listBuckets({ core, call }: Visit): Outcome {
  const own = call.identity.account
  const buckets = [...core.state.buckets.values()].filter(({ account }) => account === own)
  return {
    reply: xmlReply('ListAllMyBucketsResult', {
      Owner: { ID: own },
      Buckets: {
        Bucket: buckets.map(({ name, region }) => ({
          Name: name,
          CreationDate: '2026-01-01T00:00:00.000Z',
          BucketRegion: region,
        })),
      },
    }),
  }
}

export function headBucket(visit: Visit): Outcome {
  const bucket = bucketOf(visit, visit.address.bucket ?? '')
  return empty(200, { 'x-amz-bucket-region': bucket.region })
}

/** us-east-1 is written as nothing. */
export function getBucketLocation(visit: Visit): Outcome {
  const { region } = bucketOf(visit, visit.address.bucket ?? '')
  return { reply: xmlReply('LocationConstraint', region === 'us-east-1' ? '' : region) }
}

/** Buckets of the sandbox were never versioned. */
export function getBucketVersioning(visit: Visit): Outcome {
  bucketOf(visit, visit.address.bucket ?? '')
  return { reply: xmlReply('VersioningConfiguration', '') }
}

export function getBucketPolicy(visit: Visit): Outcome {
  const { policy } = bucketOf(visit, visit.address.bucket ?? '')
  if (policy === undefined) throw new AwsError('NoSuchBucketPolicy', 404, 'The bucket policy does not exist')
  return { reply: { status: 200, headers: { 'content-type': 'application/json' }, body: policy } }
}

export function putBucketPolicy(visit: Visit): Outcome {
  const bucket = bucketOf(visit, visit.address.bucket ?? '')
  const text = readPayload(visit.call.request).body.toString()
  try {
    parsePolicy(text)
  } catch (fault) {
    throw new AwsError('MalformedPolicy', 400, fault instanceof Error ? fault.message : String(fault))
  }
  bucket.policy = text
  return empty(204)
}

export function deleteBucketPolicy(visit: Visit): Outcome {
  bucketOf(visit, visit.address.bucket ?? '').policy = undefined
  return empty(204)
}
