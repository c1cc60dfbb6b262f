import type { Outcome } from '../call.ts'
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

/** For us-east-1 the location is empty. */
export function getBucketLocation(visit: Visit): Outcome {
  const { region } = bucketOf(visit, visit.address.bucket ?? '')
  return { reply: xmlReply('LocationConstraint', region === 'us-east-1' ? '' : region) }
}
