import type { Level } from '../rules/levels.ts'
import type { Scope } from '../rules/scope.ts'

/** Port: how a grant is made true in AWS. Drawn from `session`; `attach` follows. */

/** The AWS identity that holds access. `roleId` is AWS's unique id (`AROA…`): a role made again under the same name is another one. */
export interface Principal {
  readonly driver: 'session'
  /** Twelve digits. */
  readonly account: string
  readonly roleArn: string
  readonly roleId: string
}

/** What AWS is asked to allow. `endsAt`: ISO 8601, whole seconds, inside the document. */
export interface GrantOrder {
  readonly grantId: string
  readonly requester: string
  readonly principal: Principal
  readonly scopes: readonly Scope[]
  readonly levels: readonly Level[]
  readonly endsAt: string
}

/** Secret: goes to the caller and nowhere else. */
export interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string
  /** ISO 8601; never after the grant's end. */
  readonly expiresAt: string
}

/** Everything a role refuses early, as a whole. `denied` holds `aws:userid` values, `<role id>:<grant id>`. */
export interface DenyDocument {
  readonly epoch: string
  /** ISO 8601, whole seconds: sessions issued before this are refused, whoever holds them. */
  readonly issuedBefore: string
  readonly denied: readonly string[]
}

/** Every method throws AWS_REFUSED with AWS's own code, or UNAVAILABLE when no answer came. */
export interface Driver {
  /** Reads what must be in place before anybody is asked. Throws AWS_REFUSED, QUOTA_FULL or NOT_ELIGIBLE with the reason. */
  preflight(account: string, draft: Omit<GrantOrder, 'principal' | 'endsAt'>): Promise<Principal>
  /** Proves that AWS allows it; keeps no credentials. Throws when AWS's clock is more than 60 s from `now` (ms). */
  activate(order: GrantOrder, now: number): Promise<void>
  vend(order: GrantOrder): Promise<Credentials>
  /** AWS's own clock, ms since 1970: session issue times are judged by it. */
  now(): Promise<number>
  /** Elevation roles that the rules name, as AWS knows them today. */
  principals(): Promise<readonly Principal[]>
  /** The Deny document that AWS holds for the principal; undefined: none. */
  readDeny(principal: Principal): Promise<DenyDocument | undefined>
  /** Writes the whole document and returns what AWS then reads back. */
  writeDeny(principal: Principal, document: DenyDocument): Promise<DenyDocument | undefined>
}
