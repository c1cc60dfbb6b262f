import { randomBytes } from 'node:crypto'
import { authorize, deniedMessage } from '../authorize.ts'
import { AwsError, type Call, type Outcome } from '../call.ts'
import type { SandboxCore } from '../core.ts'
import type { Bucket } from '../state.ts'
import type { Address } from './address.ts'
import type { Operation } from './operations.ts'
import type { Permission } from './permissions.ts'
import type { Store } from './store.ts'

/** One S3 call in progress, with what is needed to carry it out. */
export interface Visit {
  readonly core: SandboxCore
  readonly store: Store
  readonly call: Call
  readonly operation: Operation
  readonly address: Address
}

export interface ObjectVisit extends Visit {
  readonly bucket: string
  readonly key: string
}

/** Carries out a call after it was authorised. */
export type Act<In extends Visit = Visit> = (visit: In) => Outcome

export function refusal(visit: Visit, permission: Permission): AwsError | undefined {
  const { core, call } = visit
  const bucket = permission.bucket === undefined ? undefined : core.state.buckets.get(permission.bucket)
  const verdict = authorize(core, {
    identity: call.identity,
    action: permission.action,
    resource: permission.resource,
    request: call.request,
    context: { ...permission.context, 's3:ResourceAccount': bucket?.account ?? call.identity.account },
    resourcePolicy: bucket?.policy,
    resourceAccount: bucket?.account ?? call.identity.account,
  })
  if (verdict.allowed) return undefined
  const resource = permission.resource === '*' ? '*' : `"${permission.resource}"`
  return new AwsError('AccessDenied', 403, deniedMessage(call.identity, permission.action, resource, verdict))
}

export function mustAllow(visit: Visit, permission: Permission): void {
  const refused = refusal(visit, permission)
  if (refused !== undefined) throw refused
}

export function bucketOf(visit: Visit, name: string): Bucket {
  const bucket = visit.core.state.buckets.get(name)
  if (bucket === undefined) throw new AwsError('NoSuchBucket', 404, 'The specified bucket does not exist')
  return bucket
}

export function noSuchKey(): AwsError {
  return new AwsError('NoSuchKey', 404, 'The specified key does not exist.')
}

/** An error whose reply has headers of its own. */
export class HeadedError extends AwsError {
  readonly headers: Readonly<Record<string, string>>

  constructor(code: string, status: number, message: string, headers: Readonly<Record<string, string>>) {
    super(code, status, message)
    this.headers = headers
  }
}

/** The named version is a delete marker, which can only be deleted. */
export class DeleteMarkerNamed extends HeadedError {
  constructor(versionId: string) {
    const headers = { 'x-amz-delete-marker': 'true', 'x-amz-version-id': versionId }
    super('MethodNotAllowed', 405, 'The specified method is not allowed against this resource.', headers)
  }
}

/** The newest version is a delete marker; older versions still exist. */
export class DeleteMarkerOnTop extends HeadedError {
  constructor(versionId: string) {
    const headers = { 'x-amz-delete-marker': 'true', 'x-amz-version-id': versionId }
    super('NoSuchKey', 404, 'The specified key does not exist.', headers)
  }
}

/** Formats as `Wed, 21 Oct 2026 07:28:00 GMT`. */
export function httpDate(ms: number): string {
  return new Date(ms).toUTCString()
}

export function empty(status: number, headers: Readonly<Record<string, string>> = {}): Outcome {
  return { reply: { status, headers, body: '' } }
}

export function uploadId(): string {
  return randomBytes(48).toString('base64url')
}
