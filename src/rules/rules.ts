import type { DirectoryAttribute } from './directory.ts'
import type { Entitlement, Subject } from './entitlement.ts'

/** The parsed `latchkey.yaml`: who may ask for what, and who may approve it. */
export interface Rules {
  /** SHA-256 of the parsed content, in hex. Comments, layout and the order of keys do not change it. */
  readonly hash: string
  /** Name → Entra object id. */
  readonly people: ReadonlyMap<string, string>
  readonly groups: ReadonlyMap<string, string>
  readonly accounts: ReadonlyMap<string, Account>
  readonly buckets: ReadonlyMap<string, Bucket>
  /** Name of an account → the roles and users of people there, for the driver `attach`. */
  readonly principals: ReadonlyMap<string, readonly PrincipalRule[]>
  /** The entitlements stand in the order of the file. If several match an ask, the first is used. */
  readonly entitlements: readonly Entitlement[]
  readonly reviewTimes: { readonly remindAfterMinutes: number; readonly lapseAfterMinutes: number }
  /** Teams conversation id. */
  readonly securityChannel?: string
}

export interface Account {
  readonly name: string
  /** Twelve digits. */
  readonly id: string
  /** Path and name, as `latchkey/prod`. */
  readonly elevationRole: string
  /** Number of replicas of the elevation role, itself included: `latchkey/prod`, `latchkey/prod-2`, … */
  readonly copies: number
  /** The roles through which Latchkey enters the account. Absent: it runs in this account. */
  readonly hub?: Hub
}

export interface Hub {
  /** Path and name of the role that workers assume to read and write policies. */
  readonly role: string
  /** Path and name of the role that web assumes to read what preflight compares. */
  readonly reader: string
  readonly externalId: string
}

export interface Bucket {
  readonly bucket: string
  /** Name of an account. */
  readonly account: string
  readonly region: string
  /** ARN of the customer-managed KMS key with which the bucket encrypts. Absent: it uses none. */
  readonly kmsKey?: string
  /**
   * Whether the bucket uses S3 Bucket Keys. With them the right to use the key cannot be limited to a scope, so with
   * the driver `attach` it covers every object of the bucket.
   */
  readonly bucketKey?: boolean
  readonly owners: readonly Subject[]
}

/** A row under `principals`: the own role or user of a person or of a group's members, for the driver `attach`. */
export interface PrincipalRule {
  readonly who: Subject
  readonly kind: 'role' | 'user'
  readonly name: string
  /** Only for a role, which people share: the attribute of the person that gives their session name. */
  readonly sessionName?: DirectoryAttribute
}
