import type { Session } from './state.ts'

/** What a service of the sandbox receives and returns. Every service plugs in through `ServicePlugin` (core.ts). */

export type ServiceName = 'iam' | 'sts' | 's3' | 'kms' | 'events' | 'sqs' | 'cloudtrail' | 'signin'

export interface VpcEndpoint {
  /** The endpoint's id, `vpce-…`. */
  readonly id: string
  /** The VPC's id, `vpc-…`. */
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
  /** The VPC endpoint that the request came through. */
  readonly endpoint?: VpcEndpoint | undefined
  /** True when the request came over TLS. */
  readonly secure: boolean
  readonly requestId: string
}

export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Buffer
}

/** An error that AWS itself would answer. The service's handler renders it. */
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

/** The principal that signed a request. */
export type Identity =
  | {
      readonly type: 'user'
      readonly account: string
      readonly arn: string
      /** `AIDA…`, the value of `aws:userid`. */
      readonly userId: string
      readonly userName: string
      readonly accessKeyId: string
    }
  | {
      readonly type: 'session'
      readonly account: string
      readonly arn: string
      /** `AROA…:<session name>`, the value of `aws:userid`. */
      readonly userId: string
      readonly accessKeyId: string
      readonly session: Session
    }

/** The request as a named call, before it has any effect. `parameters` hold no secret, because the journal keeps them. */
export interface CallDescription {
  readonly service: ServiceName
  /** The name of the call in the API: `PutRolePolicy`, `AssumeRole`, `PutObject`. */
  readonly action: string
  readonly parameters: Readonly<Record<string, unknown>>
}

/** A call as it arrives, before the sandbox has verified anything. */
export interface AskedCall extends CallDescription {
  /** The account of the access key id in the request's signature. */
  readonly account: string | undefined
}

export interface Call extends CallDescription {
  readonly request: SandboxRequest
  readonly identity: Identity
}

/** The result of a call. `facts` is what an observer needs beyond the reply (CloudTrail's responseElements); it may hold secrets, so the journal never keeps it. */
export interface Outcome {
  readonly reply: Reply
  readonly facts?: Readonly<Record<string, unknown>>
}

export interface FinishedCall extends CallDescription {
  readonly at: number
  readonly request: SandboxRequest
  /** Undefined when the caller was not authenticated. CloudTrail records no such call. */
  readonly identity: Identity | undefined
  readonly reply: Reply
  readonly error: { readonly code: string; readonly message: string; readonly status: number } | undefined
  readonly facts: Readonly<Record<string, unknown>>
}

export interface ServiceHandler {
  readonly service: ServiceName
  /** Reads which call the request makes. @throws AwsError when it makes none */
  describe(request: SandboxRequest): CallDescription
  /** Authenticates a caller of a service that takes no signature. @throws AwsError */
  authenticate?(request: SandboxRequest): Identity
  /** Authorises the call (see authorize.ts) and carries it out. @throws AwsError */
  handle(call: Call): Promise<Outcome> | Outcome
  renderError(error: AwsError, request: SandboxRequest): Reply
  stop?(): Promise<void>
}
