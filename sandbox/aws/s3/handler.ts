import {
  AwsError,
  type Call,
  type CallDescription,
  type Outcome,
  type Reply,
  type SandboxRequest,
  type ServiceHandler,
} from '../call.ts'
import type { SandboxCore } from '../core.ts'
import { signedRegion } from '../sigv4.ts'
import type { Bucket } from '../state.ts'
import { type Address, parseAddress } from './address.ts'
import { deleteObjects } from './batch-delete.ts'
import * as buckets from './bucket-calls.ts'
import * as policies from './bucket-policy.ts'
import * as encryption from './encryption-config.ts'
import { listMultipartUploads, listObjects, listObjectsV2 } from './listing.ts'
import * as multipart from './multipart.ts'
import * as objects from './objects.ts'
import { findOperation } from './operations.ts'
import { permissionsOf } from './permissions.ts'
import type { Store } from './store.ts'
import * as tagging from './tagging.ts'
import * as versioning from './versioning.ts'
import { type Act, bucketOf, HeadedError, mustAllow, type ObjectVisit, type Visit } from './visit.ts'
import { renderXml } from './xml.ts'

const BUCKET_ACTS: Readonly<Record<string, Act>> = {
  ListBuckets: buckets.listBuckets,
  HeadBucket: buckets.headBucket,
  GetBucketLocation: buckets.getBucketLocation,
  GetBucketVersioning: versioning.getBucketVersioning,
  PutBucketVersioning: versioning.putBucketVersioning,
  ListObjectVersions: versioning.listObjectVersions,
  GetBucketPolicy: policies.getBucketPolicy,
  PutBucketPolicy: policies.putBucketPolicy,
  DeleteBucketPolicy: policies.deleteBucketPolicy,
  GetBucketEncryption: encryption.getBucketEncryption,
  PutBucketEncryption: encryption.putBucketEncryption,
  DeleteBucketEncryption: encryption.deleteBucketEncryption,
  ListObjects: listObjects,
  ListObjectsV2: listObjectsV2,
  ListMultipartUploads: listMultipartUploads,
  DeleteObjects: deleteObjects,
}

const OBJECT_ACTS: Readonly<Record<string, Act<ObjectVisit>>> = {
  GetObject: objects.getObject,
  HeadObject: objects.getObject,
  PutObject: objects.putObject,
  CopyObject: objects.copyObject,
  DeleteObject: objects.deleteObject,
  GetObjectTagging: tagging.getObjectTagging,
  PutObjectTagging: tagging.putObjectTagging,
  DeleteObjectTagging: tagging.deleteObjectTagging,
  CreateMultipartUpload: multipart.createMultipartUpload,
  UploadPart: multipart.uploadPart,
  UploadPartCopy: multipart.uploadPartCopy,
  CompleteMultipartUpload: multipart.completeMultipartUpload,
  AbortMultipartUpload: multipart.abortMultipartUpload,
  ListParts: multipart.listParts,
}

/** S3's REST API on an object store in memory. It authorises every call, also those that it does not support. */
export function s3Handler(core: SandboxCore, store: Store): ServiceHandler {
  return {
    service: 's3',
    describe,
    handle: (call) => handle(core, store, call),
    renderError,
  }
}

function describe(request: SandboxRequest): CallDescription {
  const address = parseAddress(request)
  return {
    service: 's3',
    action: findOperation(request, address).name,
    parameters: describeParameters(request, address),
  }
}

const TOLD = /^(prefix|delimiter|max-keys|marker|start-after|uploadId|partNumber|versionId|list-type|encoding-type)$/

/** The parameters as CloudTrail records them. Signatures and tokens of a presigned query are left out. */
function describeParameters({ headers }: SandboxRequest, { bucket, key, query }: Address): Record<string, string> {
  const recorded = [...query].filter(([name]) => TOLD.test(name))
  return {
    ...(bucket === undefined ? {} : { bucketName: bucket }),
    ...(key === undefined ? {} : { key }),
    ...Object.fromEntries(recorded),
    ...(headers['x-amz-copy-source'] === undefined ? {} : { 'x-amz-copy-source': headers['x-amz-copy-source'] }),
  }
}

function handle(core: SandboxCore, store: Store, call: Call): Outcome {
  const address = parseAddress(call.request)
  const operation = findOperation(call.request, address)
  const visit: Visit = { core, store, call, operation, address }
  for (const permission of permissionsOf(operation, address, call.request, store, core.clock.now())) {
    mustAllow(visit, permission)
    if (permission.bucket !== undefined) checkOwnerAndRegion(visit, bucketOf(visit, permission.bucket))
  }
  const { bucket, key } = address
  const bucketAct = BUCKET_ACTS[operation.name]
  const objectAct = OBJECT_ACTS[operation.name]
  if (bucketAct !== undefined) return bucketAct(visit)
  if (objectAct === undefined || bucket === undefined || key === undefined) {
    throw new AwsError('NotImplemented', 501, `The sandbox authorises ${operation.name} but does not carry it out.`)
  }
  checkVersionId(address.query.get('versionId'))
  return objectAct({ ...visit, bucket, key })
}

/** Refuses an id that S3 could not have made ("Invalid version id specified"). */
function checkVersionId(versionId: string | undefined): void {
  if (versionId === undefined || versionId === 'null' || /^[\w-]{32}$/.test(versionId)) return
  throw new AwsError('InvalidArgument', 400, 'Invalid version id specified')
}

/** Refuses a request whose expected bucket owner or Region is not that of the bucket. */
function checkOwnerAndRegion({ call, address, operation }: Visit, { name, account, region }: Bucket): void {
  const { headers } = call.request
  const owner = headers[`x-amz-${name === address.bucket ? '' : 'source-'}expected-bucket-owner`]
  if (owner !== undefined && owner !== account) throw new AwsError('AccessDenied', 403, 'Access Denied')
  if (name !== address.bucket || operation.name === 'GetBucketLocation') return
  if (signedRegion(call.request) === region) return
  throw new WrongRegion(region)
}

class WrongRegion extends HeadedError {
  constructor(region: string) {
    const message =
      'The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint.'
    super('PermanentRedirect', 301, message, { 'x-amz-bucket-region': region })
  }
}

/** Signature errors that S3 names differently from other services ("Error responses", list of error codes). */
const S3_CODES: Readonly<Record<string, readonly [code: string, status: number]>> = {
  InvalidClientTokenId: ['InvalidAccessKeyId', 403],
  ExpiredToken: ['ExpiredToken', 400],
  InvalidToken: ['InvalidToken', 400],
  IncompleteSignature: ['AuthorizationHeaderMalformed', 400],
  MissingAuthenticationToken: ['AccessDenied', 403],
  Throttling: ['SlowDown', 503],
}

function renderError(error: AwsError, request: SandboxRequest): Reply {
  const [code, status] = S3_CODES[error.code] ?? [error.code, error.status]
  const headers = { 'content-type': 'application/xml', ...(error instanceof HeadedError ? error.headers : {}) }
  // A reply to HEAD and a 304 have no body.
  if (request.method === 'HEAD' || status === 304) return { status, headers, body: '' }
  const { bucket, key } = namesIn(request)
  const body = renderXml(
    'Error',
    {
      Code: code,
      Message: error.message,
      BucketName: bucket,
      Key: key,
      Endpoint: endpointOf(error, bucket),
      RequestId: request.requestId,
      HostId: 'sandbox',
    },
    '',
  )
  return { status, headers, body }
}

function endpointOf(error: AwsError, bucket: string | undefined): string | undefined {
  if (!(error instanceof WrongRegion)) return undefined
  return `${bucket}.s3.${error.headers['x-amz-bucket-region']}.amazonaws.com`
}

function namesIn(request: SandboxRequest): { bucket?: string | undefined; key?: string | undefined } {
  try {
    return parseAddress(request)
  } catch (fault) {
    if (fault instanceof AwsError) return {}
    throw fault
  }
}
