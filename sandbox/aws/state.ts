import { randomBytes, randomInt } from 'node:crypto'
import type { JsonObject } from './events/json.ts'

/** The AWS accounts of the sandbox, in memory. Policies are kept as the text that was put. */

/** Inline policies by name, with their history, because enforcement may lag behind reads (propagation). */
export class InlinePolicies {
  readonly #history: { at: number; policies: ReadonlyMap<string, string> }[] = [{ at: 0, policies: new Map() }]

  current(): ReadonlyMap<string, string> {
    return this.#history.at(-1)?.policies ?? new Map()
  }

  /** The policies that are enforced for a caller who sees the account as it was at `at`. */
  asOf(at: number): ReadonlyMap<string, string> {
    return this.#history.findLast((entry) => entry.at <= at)?.policies ?? new Map()
  }

  put(name: string, document: string, at: number): void {
    this.#change(new Map([...this.current(), [name, document]]), at)
  }

  /** False when there is no policy of that name. */
  delete(name: string, at: number): boolean {
    const next = new Map(this.current())
    if (!next.delete(name)) return false
    this.#change(next, at)
    return true
  }

  #change(policies: ReadonlyMap<string, string>, at: number): void {
    this.#history.push({ at, policies })
    if (this.#history.length > 200) this.#history.shift()
  }
}

export interface Role {
  readonly arn: string
  /** The unique id, `AROA…`. */
  readonly roleId: string
  readonly roleName: string
  /** Begins and ends with `/`. */
  readonly path: string
  readonly createdAt: number
  readonly description: string
  trustPolicy: string
  /** The principals of the trust policy when IAM stored it: ARN → unique id. Absent when a test set the policy directly. */
  trusted?: ReadonlyMap<string, string>
  boundaryArn: string | undefined
  maxSessionSeconds: number
  readonly inline: InlinePolicies
  /** ARNs of managed policies. */
  readonly attached: Set<string>
  readonly tags: Map<string, string>
}

export interface User {
  readonly arn: string
  /** The unique id, `AIDA…`. */
  readonly userId: string
  readonly userName: string
  readonly path: string
  readonly createdAt: number
  boundaryArn: string | undefined
  readonly inline: InlinePolicies
  readonly attached: Set<string>
  readonly tags: Map<string, string>
}

export interface ManagedPolicy {
  readonly arn: string
  readonly policyId: string
  readonly policyName: string
  readonly path: string
  readonly description: string
  readonly createdAt: number
  readonly versions: Map<string, { readonly document: string; readonly createdAt: number }>
  defaultVersionId: string
}

export interface AccessKey {
  /** Begins with `SANDBOX`; with `LATCHKEY_SANDBOX=1` Latchkey refuses any other long-lived key. */
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly userName: string
  readonly createdAt: number
  inactive?: boolean
}

export interface Session {
  /** Begins with `ASIASANDBOX`. */
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string
  /** `arn:aws:sts::<account>:assumed-role/<role name without path>/<session name>` */
  readonly arn: string
  readonly roleName: string
  readonly roleArn: string
  readonly roleId: string
  readonly sessionName: string
  readonly sourceIdentity: string | undefined
  readonly tags: ReadonlyMap<string, string>
  /** Keys of the tags that stay through role chaining. */
  readonly transitiveKeys: readonly string[]
  /** The inline session policy, if one was passed. */
  readonly policy: string | undefined
  readonly policyArns: readonly string[]
  /** True when the caller of AssumeRole was itself a session. */
  readonly chained: boolean
  readonly issuedAt: number
  readonly expiresAt: number
}

export interface Bucket {
  readonly name: string
  readonly region: string
  readonly account: string
  /** The bucket policy's text. */
  policy: string | undefined
  /** The encryption of new objects whose request names none; absent for SSE-S3. */
  encryption?: BucketEncryption
  /** Absent when the bucket never had versioning. */
  versioning?: 'Enabled' | 'Suspended'
}

export interface BucketEncryption {
  readonly algorithm: 'AES256' | 'aws:kms'
  /** As it was written: an ARN, an id or an alias. Absent with `aws:kms` for the AWS managed key of S3. */
  readonly kmsKey?: string | undefined
  readonly bucketKey: boolean
}

export interface KmsKey {
  readonly keyId: string
  readonly arn: string
  readonly region: string
  readonly description: string
  readonly createdAt: number
  /** `AWS`: AWS made the key for one of its services, and its policy cannot be changed. */
  readonly manager: 'AWS' | 'CUSTOMER'
  state: 'Enabled' | 'Disabled' | 'PendingDeletion'
  deletedAt: number | undefined
  /** The key policy's text. */
  policy: string
}

export interface Trail {
  readonly name: string
  readonly arn: string
  readonly homeRegion: string
  readonly isMultiRegion: boolean
  isLogging: boolean
  /** Event selectors or advanced event selectors, as CloudTrail stores them. */
  selectors: JsonObject
}

export interface QueueMessage {
  readonly id: string
  readonly body: string
  readonly attributes: Readonly<Record<string, string>>
}

export interface Queue {
  readonly name: string
  readonly arn: string
  readonly attributes: Map<string, string>
  readonly tags: ReadonlyMap<string, string>
  readonly messages: QueueMessage[]
}

/** The state of one account. */
export interface AwsState {
  readonly account: string
  readonly region: string
  /** Every account of the sandbox by id, this one included. */
  readonly accounts: ReadonlyMap<string, AwsState>
  readonly roles: Map<string, Role>
  readonly users: Map<string, User>
  /** By ARN. */
  readonly policies: Map<string, ManagedPolicy>
  /** By access key id. */
  readonly accessKeys: Map<string, AccessKey>
  /** By access key id. */
  readonly sessions: Map<string, Session>
  /** The buckets of every account, because bucket names are unique in all of AWS. */
  readonly buckets: Map<string, Bucket>
  /** KMS keys by ARN. */
  readonly keys: Map<string, KmsKey>
  /** ARN of a KMS alias → ARN of its key. */
  readonly keyAliases: Map<string, string>
  /** The queues of every Region, by ARN. */
  readonly queues: Map<string, Queue>
  readonly queuesDeletedAt: Map<string, number>
  readonly trails: Map<string, Trail>
  /** The delay between a change of inline policies and its enforcement. */
  propagationMs: number
}

/** Returns a function that finds or creates the account of an id. All accounts share the bucket names. */
export function awsAccounts(region: string, propagationMs: number): (id: string) => AwsState {
  const accounts = new Map<string, AwsState>()
  const buckets = new Map<string, Bucket>()
  return (id) => {
    if (!/^\d{12}$/.test(id)) throw new RangeError(`An account has twelve digits, not ${id}`)
    const state = accounts.get(id) ?? {
      account: id,
      region,
      accounts,
      roles: new Map(),
      users: new Map(),
      policies: new Map(),
      accessKeys: new Map(),
      sessions: new Map(),
      buckets,
      keys: new Map(),
      keyAliases: new Map(),
      queues: new Map(),
      queuesDeletedAt: new Map(),
      trails: new Map(),
      propagationMs,
    }
    accounts.set(id, state)
    return state
  }
}

/** The account that an ARN names; undefined when the sandbox does not have it. */
export function accountOf(state: AwsState, arn: string): AwsState | undefined {
  return state.accounts.get(arn.split(':')[4] ?? '')
}

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

function base32(length: number): string {
  return Array.from({ length }, () => BASE32[randomInt(32)]).join('')
}

/** A unique id in AWS's form: `AROA`, `AIDA` or `ANPA` and 17 characters. */
export function uniqueId(prefix: 'AROA' | 'AIDA' | 'ANPA'): string {
  return prefix + base32(17)
}

export function longLivedKeyId(): string {
  return `SANDBOX${base32(13)}`
}

export function sessionKeyId(): string {
  return `ASIASANDBOX${base32(9)}`
}

export function secretKey(): string {
  return randomBytes(30).toString('base64')
}
