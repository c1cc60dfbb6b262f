import type { DenyDocument } from '../policies/deny-document.ts'
import type { Conditions } from '../rules/conditions.ts'
import type { Level } from '../rules/levels.ts'
import type { OwnIdentity } from '../rules/principal-rules.ts'
import type { Scope } from '../rules/scope.ts'
import type { Principal, SessionPrincipal } from './principal.ts'

/** Port: how AWS is made to allow a grant. The grant's principal says which driver does it, `session` or `attach`. */

/**
 * What AWS is asked to allow.
 * `startsAt` and `endsAt` are ISO 8601 with whole seconds. `endsAt` stands in every IAM document, `startsAt` only in that
 * of the driver `attach`: a session starts when its credentials are vended.
 */
export interface GrantOrder<P extends Principal = Principal> {
  readonly grantId: string
  readonly requester: string
  readonly principal: P
  readonly scopes: readonly Scope[]
  readonly levels: readonly Level[]
  /** Absent: none. */
  readonly conditions?: Conditions
  readonly startsAt: string
  readonly endsAt: string
}

/** A grant order whose principal, start and end are not known yet. */
export interface GrantDraft extends Omit<GrantOrder, 'principal' | 'startsAt' | 'endsAt'> {
  /** Twelve digits. */
  readonly account: string
  /** The requester's own role or user. Absent with the driver `session`. */
  readonly ownIdentity?: OwnIdentity
}

/** A role or user to which the driver `attach` attaches policies. `name` is unique for its kind in the account. */
export interface IamEntity {
  readonly account: string
  readonly kind: 'role' | 'user'
  readonly name: string
}

/** The state of an IAM entity in AWS. */
export interface IamEntityState {
  /** `AROA…` or `AIDA…`. An entity that was deleted and created again has another. */
  readonly uniqueId: string
  /**
   * Sentences that say why no policy may be attached to the entity, for example that its trust policy lets people
   * choose their session's name.
   */
  readonly faults: readonly string[]
}

/** One inline policy of Latchkey's, as AWS holds it. */
export interface Attached {
  /** `latchkey.<grantId>`. The part behind the dot is not checked: it can be any text. */
  readonly policyName: string
  /** Undefined: not read, because `attached` was called without `documents`. */
  readonly document?: string
}

/** Secret: goes to the caller and nowhere else. */
export interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string
  /** ISO 8601; never after the grant's end. */
  readonly expiresAt: string
}

/** Classes of IAM writes in one account, most urgent first. A write never waits for a write of a less urgent class. */
export const URGENCIES = ['early-revoke', 'activation', 'tidying'] as const
export type Urgency = (typeof URGENCIES)[number]

/** The result of `preflight`. */
export interface Ready {
  /** The possible principals, in the order in which they are filled. More than one: replicas of an elevation role. */
  readonly principals: readonly [Principal, ...Principal[]]
  /** Sentences for the requester, for example what AWS may still refuse and why. */
  readonly warnings: readonly string[]
}

/** Every method throws AWS_REFUSED with AWS's own code, or UNAVAILABLE when no answer came. */
export interface Driver extends SessionOperations, AttachOperations {
  /**
   * Checks in AWS, before any approver is asked, that the grant could be activated.
   * @throws AWS_REFUSED, QUOTA_FULL or NOT_ELIGIBLE with the reason
   */
  preflight(draft: GrantDraft): Promise<Ready>
  /**
   * The part of `preflight` that checks the bucket. For the extension of a grant, whose principal is known.
   * @returns warnings, as in `Ready`
   */
  checkBucket(draft: GrantDraft, principal: Principal): Promise<readonly string[]>
  /**
   * Makes AWS allow the grant and proves that it does. Keeps no credentials.
   * @param now ms since 1970
   * @param refuseIfMoved is called right before a queued write is sent; when it throws, nothing is written
   * @throws when AWS's clock is more than 60 s away from `now`
   */
  activate(order: GrantOrder, now: number, refuseIfMoved?: () => Promise<void>): Promise<void>
  /** @throws NOT_ELIGIBLE for a grant of the driver `attach`: its requester uses their own credentials */
  vend(order: GrantOrder): Promise<Credentials>
  /** AWS's own clock, in ms since 1970. AWS compares session issue times with it. */
  now(): Promise<number>
}

export interface FormerRole {
  readonly principal: SessionPrincipal
  /** Whether the role's trust policy names this process. */
  readonly trustsUs: boolean
}

/** Operations of the driver `session`. It writes the Deny documents of elevation roles. */
export interface SessionOperations {
  /**
   * The elevation roles that the rules name, replicas included, as AWS shows them now.
   * @param account the name of an account; then only the roles of that account
   */
  principals(account?: string): Promise<readonly SessionPrincipal[]>
  /**
   * Roles under the path of elevation roles that the rules do not name. The rules may have named some of them earlier.
   * @param account the name of the account
   */
  formerRoles(account: string): Promise<readonly FormerRole[]>
  /** The Deny document that AWS holds for the principal. Undefined: none. */
  readDeny(principal: SessionPrincipal): Promise<DenyDocument | undefined>
  /**
   * Writes the whole document.
   * @param urgency the most urgent class by default
   * @returns the document that AWS holds after the write
   */
  writeDeny(principal: SessionPrincipal, document: DenyDocument, urgency?: Urgency): Promise<DenyDocument | undefined>
}

/** Operations of the driver `attach`. It writes one inline policy for each grant. */
export interface AttachOperations {
  /** Every role and user that the rules name in their `principals`. */
  targets(): readonly IamEntity[]
  /** The current state of the entity. Undefined: it does not exist. */
  entityState(entity: IamEntity): Promise<IamEntityState | undefined>
  /**
   * Latchkey's policies on the entity. An entity that does not exist has none.
   * @param options `documents`: whether the documents are read too
   */
  attached(entity: IamEntity, options?: { readonly documents: boolean }): Promise<readonly Attached[]>
  /** Removes one policy and verifies that it is gone. A policy that is gone already is no error. */
  detach(entity: IamEntity, policyName: string, urgency: 'early-revoke' | 'tidying'): Promise<void>
}
