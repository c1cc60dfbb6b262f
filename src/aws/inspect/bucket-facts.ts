import { DescribeKeyCommand, type KMSClient } from '@aws-sdk/client-kms'
import {
  GetBucketEncryptionCommand,
  GetBucketLocationCommand,
  GetBucketPolicyCommand,
  type S3Client,
  type ServerSideEncryptionRule,
} from '@aws-sdk/client-s3'
import type { Account, Bucket } from '../../rules/rules.ts'
import type { AwsLog } from '../aws-error.ts'

/** What AWS says about a bucket, compared with the rules. */
export interface BucketFacts {
  /** Sentences for the operator; empty: the bucket is as the rules say. */
  readonly faults: readonly string[]
  /** Further faults, for grants of the driver `attach` only. */
  readonly attachFaults: readonly string[]
  /** The bucket policy, as JSON; undefined: it has none. */
  readonly policy: string | undefined
}

export interface BucketReader {
  readonly s3: S3Client
  readonly kms: KMSClient
  readonly log: AwsLog
}

/**
 * Every call names the account that must own the bucket. Throws the SDK's errors; S3 answers AccessDenied when another
 * account owns it.
 */
export async function readBucket(reader: BucketReader, account: Account, bucket: Bucket): Promise<BucketFacts> {
  const owned = { Bucket: bucket.bucket, ExpectedBucketOwner: account.id }
  const wrongRegion = await locationFaults(reader, owned, bucket.region)
  if (wrongRegion.length > 0) return { faults: wrongRegion, attachFaults: [], policy: undefined }
  const [encryption, key, policy] = await Promise.all([
    readEncryption(reader, owned),
    keyFaults(reader, bucket),
    readPolicy(reader.s3, owned),
  ])
  return {
    faults: [...encryptionFaults(encryption, bucket), ...key],
    attachFaults: bucketKeyFaults(encryption, bucket),
    policy,
  }
}

interface Owned {
  readonly Bucket: string
  readonly ExpectedBucketOwner: string
}

/** LocationConstraint values that are no region names ("GetBucketLocation"). `EU` is the old name of eu-west-1. */
const SPECIAL_LOCATIONS: Readonly<Record<string, string>> = { '': 'us-east-1', EU: 'eu-west-1' }

async function locationFaults({ s3 }: BucketReader, owned: Owned, region: string): Promise<readonly string[]> {
  const fault = `The bucket is not in ${region}; the rules say it is.`
  try {
    const { LocationConstraint = '' } = await s3.send(new GetBucketLocationCommand(owned))
    return (SPECIAL_LOCATIONS[LocationConstraint] ?? LocationConstraint) === region ? [] : [fault]
  } catch (error) {
    if (isCode(error, 'PermanentRedirect', 'AuthorizationHeaderMalformed', 'IllegalLocationConstraintException'))
      return [fault]
    throw error
  }
}

async function readEncryption({ s3, log }: BucketReader, owned: Owned): Promise<readonly ServerSideEncryptionRule[]> {
  const configuration = await unlessForbidden(log, owned.Bucket, 's3:GetEncryptionConfiguration', async () => {
    const { ServerSideEncryptionConfiguration } = await s3.send(new GetBucketEncryptionCommand(owned))
    return ServerSideEncryptionConfiguration
  })
  return configuration?.Rules ?? []
}

/** S3 encrypts new objects with the bucket's default key. A grant that may not use that key cannot write. */
function encryptionFaults(rules: readonly ServerSideEncryptionRule[], { kmsKey }: Bucket): readonly string[] {
  const keys = rules.flatMap(({ ApplyServerSideEncryptionByDefault: rule }) => rule?.KMSMasterKeyID ?? [])
  return keys
    .filter((id) => !id.endsWith('alias/aws/s3') && id !== kmsKey && !kmsKey?.endsWith(`/${id}`))
    .map((id) => `The bucket is encrypted with ${id}; name its key in the rules, as kmsKey, by the ARN of the key.`)
}

/**
 * With an S3 Bucket Key, S3 gives KMS the bucket's ARN instead of the object's, so KMS cannot enforce the grant's
 * scope.
 */
function bucketKeyFaults(rules: readonly ServerSideEncryptionRule[], { kmsKey, bucketKey }: Bucket): readonly string[] {
  const isOn = kmsKey !== undefined && rules.some(({ BucketKeyEnabled }) => BucketKeyEnabled === true)
  if (!isOn || bucketKey === true) return []
  return [
    'The bucket uses S3 Bucket Keys: whoever may use its key for one object may for all. Turn them off, or say bucketKey: true in the rules.',
  ]
}

async function keyFaults({ kms, log }: BucketReader, { bucket, region, kmsKey }: Bucket): Promise<readonly string[]> {
  if (kmsKey === undefined) return []
  if (kmsKey.split(':')[3] !== region) return [`The key ${kmsKey} is not in ${region}, where the bucket is.`]
  try {
    const state = await unlessForbidden(log, bucket, 'kms:DescribeKey', async () => {
      const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId: kmsKey }))
      return KeyMetadata?.KeyState
    })
    return state === undefined || state === 'Enabled' ? [] : [`The key ${kmsKey} is ${state}, not Enabled.`]
  } catch (error) {
    if (isCode(error, 'NotFoundException')) return [`There is no key ${kmsKey}.`]
    throw error
  }
}

/** Throws when Latchkey may not read the policy: it may give sessions access beyond the grant. */
async function readPolicy(s3: S3Client, owned: Owned): Promise<string | undefined> {
  try {
    return (await s3.send(new GetBucketPolicyCommand(owned))).Policy
  } catch (error) {
    if (isCode(error, 'NoSuchBucketPolicy')) return undefined
    throw error
  }
}

/**
 * Encryption decides whether a grant works, never how far it reaches. So missing rights to read it are logged for the
 * operator and refuse nothing.
 */
async function unlessForbidden<T>(
  log: AwsLog,
  bucket: string,
  action: string,
  read: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await read()
  } catch (error) {
    if (!isCode(error, 'AccessDenied', 'AccessDeniedException')) throw error
    log.warn({ bucket, action }, 'preflight may not read the encryption of the bucket: allow Latchkey this action')
    return undefined
  }
}

function isCode(error: unknown, ...names: readonly string[]): boolean {
  return error instanceof Error && names.includes(error.name)
}
