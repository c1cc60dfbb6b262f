import type { DenyDocument } from '../policies/deny-document.ts'
import type { Conditions } from '../rules/conditions.ts'
import type { Level } from '../rules/levels.ts'
import type { OwnIdentity } from '../rules/principal-rules.ts'
import type { Scope } from '../rules/scope.ts'
import type { Principal, SessionPrincipal } from './principal.ts'

/** Port: how a grant is made true in AWS. Two drivers, `session` and `attach`; which one, the grant's principal says. */

/** What AWS is asked to allow. `startsAt`, `endsAt`: ISO 8601, whole seconds, inside the document; a session begins when it is vended. */
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

/** What is asked for, before it is known who holds it and until when. */
export interface GrantDraft extends Omit<GrantOrder, 'principal' | 'startsAt' | 'endsAt'> {
  /** Twelve digits. */
  readonly account: string
  /** Who holds it: absent with the driver `session`. */
  readonly ownIdentity?: OwnIdentity
}

/** A role or user on which grants of the driver `attach` lie; `name` is unique in its account. */
export interface IamEntity {
  readonly account: string
  readonly kind: 'role' | 'user'
  readonly name: string
}

/** A target as AWS holds it. */
export interface IamEntityState {
  /** `AROA…` or `AIDA…`: one that was deleted and made again has another. */
  readonly uniqueId: string
  /** Why no grant may lie on it, as sentences: its trust policy lets somebody in under a name that nothing fixes. */
  readonly faults: readonly string[]
}

/** One inline policy of ours, as AWS holds it. */
export interface Attached {
  /** `latchkey.<grantId>`; behind the dot stands whatever somebody wrote there. */
  readonly policyName: string
  /** Undefined: it was not read (`attached` lists names only). */
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

/** Classes of what is written to IAM in one account: a class never waits for a lower one. */
export const URGENCIES = ['early-revoke', 'activation', 'tidying'] as const
export type Urgency = (typeof URGENCIES)[number]

/** What a draft could be granted on, and what may stand in its way all the same. */
export interface Ready {
  /** One or more that could hold it, in the order in which they are filled: copies of an elevation role. */
  readonly principals: readonly [Principal, ...Principal[]]
  /** Sentences for the requester: what AWS may still refuse, and why. */
  readonly warnings: readonly string[]
}

/** Every method throws AWS_REFUSED with AWS's own code, or UNAVAILABLE when no answer came. */
export interface Driver extends SessionOperations, AttachOperations {
  /** Reads what must be in place before anybody is asked. Throws AWS_REFUSED, QUOTA_FULL or NOT_ELIGIBLE with the reason. */
  preflight(draft: GrantDraft): Promise<Ready>
  /** The part of `preflight` that looks at the bucket, for a principal that holds already. @returns warnings */
  checkBucket(draft: GrantDraft, principal: Principal): Promise<readonly string[]>
  /**
   * Proves that AWS allows it; keeps no credentials. Throws when AWS's clock is more than 60 s from `now` (ms). `refuseIfMoved` is called once the
   * turn of a write has come, right before it: what it throws stops the write.
   */
  activate(order: GrantOrder, now: number, refuseIfMoved?: () => Promise<void>): Promise<void>
  /** @throws NOT_ELIGIBLE for a grant of the driver `attach`: its holder uses their own credentials. */
  vend(order: GrantOrder): Promise<Credentials>
  /** AWS's own clock, ms since 1970: session issue times are judged by it. */
  now(): Promise<number>
}

export interface FormerRole {
  readonly principal: SessionPrincipal
  /** Its trust policy names this process. */
  readonly trustsUs: boolean
}

/** What the driver `session` writes: the Deny documents of elevation roles. */
export interface SessionOperations {
  /** Elevation roles that the rules name, copies included, as AWS knows them today. `account`: only those of one, by its name. */
  principals(account?: string): Promise<readonly SessionPrincipal[]>
  /** Roles of one account, by its name, that lie where elevation roles lie, and that the rules do not name: some may have been named once. */
  formerRoles(account: string): Promise<readonly FormerRole[]>
  /** The Deny document that AWS holds for the principal; undefined: none. */
  readDeny(principal: SessionPrincipal): Promise<DenyDocument | undefined>
  /** Writes the whole document and returns what AWS then reads back. `urgency`: without it, the highest. */
  writeDeny(principal: SessionPrincipal, document: DenyDocument, urgency?: Urgency): Promise<DenyDocument | undefined>
}

/** What the driver `attach` writes: one inline policy for each grant. */
export interface AttachOperations {
  /** Every role and user that the rules name as holder in their `principals`. */
  targets(): readonly IamEntity[]
  /** What the target is today. Undefined: it is gone. */
  entityState(target: IamEntity): Promise<IamEntityState | undefined>
  /** Policies of ours that the target holds. A target that is gone holds none. `documents`: read those too. */
  attached(target: IamEntity, options?: { readonly documents: boolean }): Promise<readonly Attached[]>
  /** Takes one policy away and reads back that it is gone. Gone already is done. */
  detach(target: IamEntity, policyName: string, urgency: 'early-revoke' | 'tidying'): Promise<void>
}
