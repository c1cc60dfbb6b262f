import { AwsError } from '../call.ts'
import { findKey, keyRefusal, managedKey } from '../kms/keys.ts'
import type { AwsState, Bucket, KmsKey } from '../state.ts'
import { bucketArn } from './permissions.ts'
import type { ObjectKms } from './version-list.ts'
import { bucketOf, type ObjectVisit } from './visit.ts'

/** SSE-KMS: S3 uses the key on behalf of the caller, who needs the right to it (S3 User Guide, "Using server-side encryption with AWS KMS keys"). */

/** The encryption of a new object: from the request, else from the bucket's default. */
export function encryptNew(visit: ObjectVisit): ObjectKms | undefined {
  const { headers } = visit.call.request
  const bucket = bucketOf(visit, visit.bucket)
  const asked = headers['x-amz-server-side-encryption']
  if (headers['x-amz-server-side-encryption-customer-algorithm'] !== undefined || asked === 'aws:kms:dsse') {
    throw new AwsError('NotImplemented', 501, 'The sandbox knows neither SSE-C nor DSSE-KMS.')
  }
  if (asked !== undefined && asked !== 'AES256' && asked !== 'aws:kms') {
    throw new AwsError('InvalidArgument', 400, 'The encryption method specified is not supported')
  }
  const inherited = asked === undefined ? bucket.encryption : undefined
  if ((asked ?? inherited?.algorithm) !== 'aws:kms') return undefined
  const named = headers['x-amz-server-side-encryption-aws-kms-key-id'] ?? inherited?.kmsKey
  const header = headers['x-amz-server-side-encryption-bucket-key-enabled']
  const bucketKey = header === undefined ? (bucket.encryption?.bucketKey ?? false) : header === 'true'
  const kms = { keyArn: keyOf(visit, bucket, named).arn, bucketKey }
  useKey(visit, visit, kms, 'kms:GenerateDataKey')
  return kms
}

/** A plain key id belongs to the caller's account when the request names it, and to the bucket's account when the bucket's default names it. */
function keyOf({ core, call }: ObjectVisit, bucket: Bucket, named: string | undefined): KmsKey {
  const { accounts } = core.state
  const owner = accountIn(accounts, bucket.account)
  if (named === undefined) return managedKey(owner, bucket.region, core.clock.now())
  const isDefault = named === bucket.encryption?.kmsKey
  const found = findKey(isDefault ? owner : accountIn(accounts, call.identity.account), bucket.region, named)
  if (found !== undefined) return found
  throw new AwsError('KMS.NotFoundException', 400, `Key '${named}' does not exist`)
}

function accountIn(accounts: ReadonlyMap<string, AwsState>, id: string): AwsState {
  const state = accounts.get(id)
  if (state === undefined) throw new AwsError('InternalError', 500, `The sandbox has no account ${id}.`)
  return state
}

interface ObjectRef {
  readonly bucket: string
  readonly key: string
}

export function mayDecrypt(visit: ObjectVisit, ref: ObjectRef, kms: ObjectKms | undefined): void {
  if (kms !== undefined) useKey(visit, ref, kms, 'kms:Decrypt')
}

function useKey(
  visit: ObjectVisit,
  { bucket, key }: ObjectRef,
  { keyArn, bucketKey }: ObjectKms,
  action: string,
): void {
  const { core, call } = visit
  const { region } = bucketOf(visit, bucket)
  const held = findKey(core.state, region, keyArn)
  if (held === undefined) throw new AwsError('KMS.NotFoundException', 400, `Key '${keyArn}' does not exist`)
  const context = {
    'kms:ViaService': `s3.${region}.amazonaws.com`,
    'kms:EncryptionContextKeys': ['aws:s3:arn'],
    // With a bucket key the encryption context is the bucket's ARN, because one data key serves many objects.
    'kms:EncryptionContext:aws:s3:arn': bucketKey ? bucketArn(bucket) : `${bucketArn(bucket)}/${key}`,
  }
  const refused = keyRefusal(core, held, { identity: call.identity, request: call.request, action, context })
  if (refused !== undefined) throw refused
  if (held.state === 'Disabled') throw new AwsError('KMS.DisabledException', 400, `${held.arn} is disabled.`)
  if (held.state === 'PendingDeletion') {
    throw new AwsError('KMS.KMSInvalidStateException', 400, `${held.arn} is pending deletion.`)
  }
}

/** The reply headers that describe the encryption. */
export function encryptionHeaders(kms: ObjectKms | undefined): Record<string, string> {
  if (kms === undefined) return { 'x-amz-server-side-encryption': 'AES256' }
  return {
    'x-amz-server-side-encryption': 'aws:kms',
    'x-amz-server-side-encryption-aws-kms-key-id': kms.keyArn,
    ...(kms.bucketKey ? { 'x-amz-server-side-encryption-bucket-key-enabled': 'true' } : {}),
  }
}
