/**
 * All indexes. An index is a set of ids under a kind and a value. Each id has a score, a time in ms since 1970.
 * Where the value is always the same, the constant holds kind and value.
 */

/** Requests of one requester that are pending; counted against a limit. */
export const PENDING_OF = 'pending'

/** All requests of one requester, for the list that the requester sees. */
export const REQUESTS_OF = 'requests'

/** Requests that one requester made within an hour; counted against a limit. */
export const ASKS_OF = 'asks'

/** Pending requests that one approver was asked to review. */
export const TO_REVIEW_BY = 'to-review'

/** Maps a message or form in Teams to the request that it made. */
export const SAID = 'said'

/** Refusals to one person within an hour; counted against a limit. */
export const REFUSALS_OF = 'refusals'

/** All grants of one requester. */
export const GRANTS_OF = 'grants'

/** All grants that have not ended. */
export const LIVE = { kind: 'live', value: 'grants' } as const

/** Grants that are being revoked, by the deny list (`denyListKey`) that their ids go to. */
export const REVOKING = 'revoking'

/** Vends of one grant within an hour; counted against a limit. */
export const VENDS_OF = 'vends'

/**
 * Deny slots of one elevation role: the grants and pending requests that may need an id in its Deny document. The score
 * is the time from which the grant or request cannot need an id any more. A request holds a slot before it is approved,
 * so every approved grant can be denied: a full role refuses the request, never the approval.
 */
export const ON_ROLE = 'on-role'

/**
 * Grants that AWS may be enforcing on one IAM entity. The score is the time of the last activation attempt or
 * extension.
 */
export const ON_TARGET = 'on-target'

/** The grants of the driver `attach`. The id is `<entityId>/<grantId>`; the score is the grant's end. */
export const TARGETS = { kind: 'targets', value: 'recent' } as const

/** The grants of one principal. The value is its exact `aws:userid`; the score is the grant's end. */
export const HELD_BY = 'held-by'

/** Regions of accounts that `latchkey aws setup` has wired. Each is written in one commit with its audit event. */
export const WIRED = { kind: 'wired', value: 'places' } as const

/**
 * When an account or an IAM entity was last reconciled. Changes are not audited, because a forged entry only makes
 * Latchkey reconcile it less often.
 */
export const RECONCILED = 'reconciled'

/** When each account was last reconciled. The ids are account names. */
export const RECONCILED_ACCOUNTS = { kind: RECONCILED, value: 'accounts' } as const

/** When each role and user that may have policies attached was last reconciled. */
export const RECONCILED_TARGETS = { kind: RECONCILED, value: 'targets' } as const

/** When the documents of the policies on each role and user were last compared. */
export const RECONCILED_DOCUMENTS = { kind: RECONCILED, value: 'documents' } as const
