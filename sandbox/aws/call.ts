import type { SandboxClock } from './clock.ts'
import type { Faults } from './faults.ts'
import type { Journal } from './journal.ts'
import type { AwsState, Session } from './state.ts'

/** What a service of the sandbox receives and gives. S3 and EventBridge plug in through `ServicePlugin`. */

export type ServiceName = 'iam' | 'sts' | 's3' | 'kms' | 'events' | 'sqs' | 'cloudtrail' | 'signin'

export interface VpcEndpoint {
  /** `vpce-…` */
  readonly id: string
  /** `vpc-…` */
  readonly vpc: string
}

export interface SandboxRequest {
  readonly method: string
  /** As sent, still percent-encoded, without the query. */
  readonly rawPath: string
  /** As sent, without `?`. */
  readonly rawQuery: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
  readonly sourceIp: string
  /** The VPC endpoint that it came through. */
  readonly endpoint?: VpcEndpoint | undefined
  /** Whether it came over TLS. */
  readonly secure: boolean
  readonly requestId: string
}

export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Buffer
}

/** An error that AWS itself would answer. The handler of the service renders it. */
export class AwsError extends Error {
  readonly code: string
  readonly status: number

  constructor(code: string, status: number, message: string) {
    super(message)
    this.name = 'AwsError'
    this.code = code
    this.status = status
  }
}

/** Who signed a request. */
export type Identity =
  | {
      readonly type: 'user'
      readonly account: string
      readonly arn: string
      /** `AIDA…`, the `aws:userid`. */
      readonly userId: string
      readonly userName: string
      readonly accessKeyId: string
    }
  | {
      readonly type: 'session'
      readonly account: string
      readonly arn: string
      /** `AROA…:<session name>`, the `aws:userid`. */
      readonly userId: string
      readonly accessKeyId: string
      readonly session: Session
    }

/** What is asked, before it has any effect. `parameters` hold no secret: they go to the journal. */
export interface CallDescription {
  readonly service: ServiceName
  /** The API's name of the call: `PutRolePolicy`, `AssumeRole`, `PutObject`. */
  readonly action: string
  readonly parameters: Readonly<Record<string, unknown>>
}

export interface Call extends CallDescription {
  readonly request: SandboxRequest
  readonly identity: Identity
}

/** `facts`: what an observer may need beyond the reply (CloudTrail's responseElements); never journalled, may hold secrets. */
export interface Outcome {
  readonly reply: Reply
  readonly facts?: Readonly<Record<string, unknown>>
}

export interface FinishedCall extends CallDescription {
  readonly at: number
  readonly request: SandboxRequest
  /** Undefined: the caller was not authenticated. CloudTrail records no such call. */
  readonly identity: Identity | undefined
  readonly reply: Reply
  readonly error: { readonly code: string; readonly message: string; readonly status: number } | undefined
  readonly facts: Readonly<Record<string, unknown>>
}

export interface ServiceHandler {
  readonly service: ServiceName
  /** Throws AwsError when the request is no call at all. */
  describe(request: SandboxRequest): CallDescription
  /** Who asks, where it is not said by a signature. Throws AwsError. */
  authenticate?(request: SandboxRequest): Identity
  /** Authorises (see authorize.ts) and carries out. Throws AwsError. */
  handle(call: Call): Promise<Outcome> | Outcome
  renderError(error: AwsError, request: SandboxRequest): Reply
  stop?(): Promise<void>
}

/** What every service is built on. */
export interface SandboxCore {
  readonly clock: SandboxClock
  /** The account that the sandbox was started with. */
  readonly state: AwsState
  /** Another account; made when it is new. */
  account(id: string): AwsState
  readonly journal: Journal
  readonly faults: Faults
  /** Called after the effect of each call and before its reply is sent. */
  onFinished(listener: (call: FinishedCall) => void): void
}

export type ServicePlugin = (core: SandboxCore) => ServiceHandler | Promise<ServiceHandler>
