import type { DirectoryAttribute } from './directory.ts'
import type { Entitlement, Subject } from './entitlement.ts'

/** `latchkey.yaml`, read: who may ask for what, and who says yes. */
export interface Rules {
  /** SHA-256 of the meaning, in hex: comments, layout and the order of keys do not change it. */
  readonly hash: string
  /** Name → Entra object id. */
  readonly people: ReadonlyMap<string, string>
  readonly groups: ReadonlyMap<string, string>
  readonly accounts: ReadonlyMap<string, Account>
  readonly buckets: ReadonlyMap<string, Bucket>
  /** Name of an account → who holds grants of the driver `attach` there. */
  readonly principals: ReadonlyMap<string, readonly PrincipalRule[]>
  /** In the order of the file: where several match an ask, the first one counts. */
  readonly entitlements: readonly Entitlement[]
  readonly reviewTimes: { readonly remindAfterMinutes: number; readonly lapseAfterMinutes: number }
  /** Teams conversation id. */
  readonly securityChannel?: string
}

export interface Account {
  readonly name: string
  /** Twelve digits. */
  readonly id: string
  /** Path and name under the account, as `latchkey/prod`. */
  readonly elevationRole: string
  /** How many there are of it, itself included: `latchkey/prod`, `latchkey/prod-2`, … */
  readonly copies: number
  /** How Latchkey gets into an account that is not its own. */
  readonly hub?: Hub
}

export interface Hub {
  /** Path and name of the role that workers enter to read and write policies. */
  readonly role: string
  /** Of the role that web enters to read what preflight compares. */
  readonly reader: string
  readonly externalId: string
}

export interface Bucket {
  readonly bucket: string
  /** Name of an account. */
  readonly account: string
  readonly region: string
  /** ARN of the key that its objects are encrypted with, where it is one of the customer's own. */
  readonly kmsKey?: string
  /** It uses S3 Bucket Keys: with the driver `attach` the right to the key is then one to all that is encrypted so. */
  readonly bucketKey?: boolean
  readonly owners: readonly Subject[]
}

/** As the rules write it: whose own role or user holds grants of the driver `attach`. */
export interface PrincipalRule {
  readonly who: Subject
  readonly kind: 'role' | 'user'
  readonly name: string
  /** Of a role, which many share: the attribute of the person that their session's name is. */
  readonly sessionName?: DirectoryAttribute
}
