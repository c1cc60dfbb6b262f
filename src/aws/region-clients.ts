import { CloudTrailClient } from '@aws-sdk/client-cloudtrail'
import { EventBridgeClient } from '@aws-sdk/client-eventbridge'
import { IAMClient } from '@aws-sdk/client-iam'
import { S3Client } from '@aws-sdk/client-s3'
import { SQSClient } from '@aws-sdk/client-sqs'
import { LatchkeyError } from '../errors.ts'
import { type AwsLog, askAws } from './aws-error.ts'

const SETTINGS = {
  maxAttempts: 4,
  retryMode: 'standard',
  requestHandler: { connectionTimeout: 2_000, requestTimeout: 10_000, throwOnRequestTimeout: true },
} as const

/** Clients for one region, with the credentials that the SDK finds by itself. */
export interface RegionClients {
  readonly iam: IAMClient
  readonly events: EventBridgeClient
  readonly sqs: SQSClient
  readonly trails: CloudTrailClient
  readonly s3: S3Client
  readonly log: AwsLog
}

export function regionClients(region: string, log: AwsLog): RegionClients {
  const settings = { ...SETTINGS, region }
  return {
    // IAM has one control plane per partition; requests to it are signed for us-east-1.
    iam: new IAMClient({ ...SETTINGS, region: 'us-east-1' }),
    events: new EventBridgeClient(settings),
    // Send requests to SQS of this region, not to the host in the queue's URL.
    sqs: new SQSClient({ ...settings, useQueueUrlAsEndpoint: false }),
    trails: new CloudTrailClient(settings),
    s3: new S3Client(settings),
    log,
  }
}

/** Every step is safe to repeat, so a command that stopped half way can be run again. */
const NEXT = 'Run the same command again when that is mended: it goes on where it stopped.'

export function askFor<T>({ log }: Pick<RegionClients, 'log'>, doing: string, call: () => Promise<T>): Promise<T> {
  return askAws({ doing, next: NEXT }, log, call)
}

/** @returns undefined when AWS answers that the thing does not exist */
export async function orAbsent<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading
  } catch (error) {
    if (isAnswer(error, ABSENT)) return undefined
    throw error
  }
}

const ABSENT = [
  ...['ResourceNotFoundException', 'NoSuchEntityException', 'NoSuchEntity', 'NoSuchBucketPolicy'],
  ...['QueueDoesNotExist', 'AWS.SimpleQueueService.NonExistentQueue'],
]

function isAnswer(error: unknown, codes: readonly string[]): boolean {
  return error instanceof LatchkeyError && 'awsCode' in error.facts && codes.includes(error.facts.awsCode)
}
