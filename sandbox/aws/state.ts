import { randomBytes, randomInt } from 'node:crypto'
import type { Trail } from './cloudtrail.ts'
import type { Queue } from './sqs.ts'

/** What the AWS accounts of the sandbox hold, in memory. Policies are kept as the text that was put. */

/** Inline policies by name, with their past: enforcement may lag behind what reads show (propagation). */
export class InlinePolicies {
  readonly #history: { at: number; policies: ReadonlyMap<string, string> }[] = [{ at: 0, policies: new Map() }]

  current(): ReadonlyMap<string, string> {
    return this.#history.at(-1)?.policies ?? new Map()
  }

  /** What is enforced for a caller who sees the account as it was at `at`. */
  asOf(at: number): ReadonlyMap<string, string> {
    return this.#history.findLast((entry) => entry.at <= at)?.policies ?? new Map()
  }

  put(name: string, document: string, at: number): void {
    this.#change(new Map([...this.current(), [name, document]]), at)
  }

  /** False: there was none of that name. */
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
  /** `AROA…` */
  readonly roleId: string
  readonly roleName: string
  /** Begins and ends in `/`. */
  readonly path: string
  readonly createdAt: number
  readonly description: string
  trustPolicy: string
  /** ARN → unique id of whom the trust policy named when IAM took it; absent: it was set behind IAM's back. */
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
  /** `AIDA…` */
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
  /** Begins with `SANDBOX`: Latchkey's sandbox switch refuses any other long-lived key. */
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
  /** Whoever asked for it was a session too. */
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
  /** How new objects are encrypted where their request does not say; absent: SSE-S3. */
  encryption?: BucketEncryption
  /** Absent: the bucket was never versioned. */
  versioning?: 'Enabled' | 'Suspended'
}

export interface BucketEncryption {
  readonly algorithm: 'AES256' | 'aws:kms'
  /** As it was written: an ARN, an id or an alias. Absent with `aws:kms`: AWS's own key for S3. */
  readonly kmsKey?: string | undefined
  readonly bucketKey: boolean
}

export interface KmsKey {
  readonly keyId: string
  readonly arn: string
  readonly region: string
  readonly description: string
  readonly createdAt: number
  /** `AWS`: made by AWS for one of its services; nobody changes its policy. */
  readonly manager: 'AWS' | 'CUSTOMER'
  state: 'Enabled' | 'Disabled' | 'PendingDeletion'
  deletedAt: number | undefined
  /** The key policy's text. */
  policy: string
}

/** One account. */
export interface AwsState {
  readonly account: string
  readonly region: string
  /** Every account of the sandbox by its id, this one too. */
  readonly accounts: ReadonlyMap<string, AwsState>
  readonly roles: Map<string, Role>
  readonly users: Map<string, User>
  /** By ARN. */
  readonly policies: Map<string, ManagedPolicy>
  /** By access key id. */
  readonly accessKeys: Map<string, AccessKey>
  /** By access key id. */
  readonly sessions: Map<string, Session>
  /** Of every account: a name is a bucket's in all of AWS. */
  readonly buckets: Map<string, Bucket>
  /** KMS keys by ARN. */
  readonly keys: Map<string, KmsKey>
  /** ARN of a KMS alias → ARN of its key. */
  readonly keyAliases: Map<string, string>
  /** Of every region, by ARN. */
  readonly queues: Map<string, Queue>
  readonly queuesDeletedAt: Map<string, number>
  readonly trails: Map<string, Trail>
  /** How far enforcement lags behind a change of inline policies. */
  propagationMs: number
}

/** Returns the account of that id, made when it is new. All share the names of buckets. */
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

/** The account that an ARN names, where the sandbox has it. */
export function accountOf(state: AwsState, arn: string): AwsState | undefined {
  return state.accounts.get(arn.split(':')[4] ?? '')
}

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

function base32(length: number): string {
  return Array.from({ length }, () => BASE32[randomInt(32)]).join('')
}

/** A unique id as AWS makes them: `AROA`, `AIDA` or `ANPA` and 17 characters. */
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
