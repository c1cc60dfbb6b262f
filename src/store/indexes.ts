/** Every index there is: sets of ids by a kind and a value, each id with a score, which is a time (ms). Where the value never differs both stand here. */

/** Requests of one requester that are pending; counted against a limit. */
export const PENDING_OF = 'pending'

/** Requests of one requester, ever; finds what they see. */
export const REQUESTS_OF = 'requests'

/** Requests of one requester within an hour; counted against a limit. */
export const ASKS_OF = 'asks'

/** Pending requests that one approver was asked to review. */
export const TO_REVIEW_BY = 'to-review'

/** The request that one message of a person made. */
export const SAID = 'said'

/** Refusals to one person within an hour; counted against a limit. */
export const REFUSALS_OF = 'refusals'

/** Grants of one requester, ever. */
export const GRANTS_OF = 'grants'

/** Every grant that is not over yet. */
export const LIVE = { kind: 'live', value: 'grants' } as const

/** Grants that are being ended early, by the deny list that their ids go to. */
export const REVOKING = 'revoking'

/** Credentials that were vended for one grant within an hour; counted against a limit. */
export const VENDS_OF = 'vends'

/**
 * Whatever may one day need an id in the Deny document of an elevation role, pending requests included, scored by when it no longer can. So what
 * is approved can always be denied, and an approval never meets a full role: the ask does.
 */
export const ON_ROLE = 'on-role'

/** Grants that AWS may be enforcing on one target, by the time of their last attempt. */
export const ON_TARGET = 'on-target'

/** `<entityId>/<grantId>` of every attach grant, by its end. */
export const TARGETS = { kind: 'targets', value: 'recent' } as const

/** Grants by the exact `aws:userid` that holds them, by their end. */
export const HELD_BY = 'held-by'

/** Regions of accounts that `latchkey aws setup` has wired, each in one write with its audit event. */
export const WIRED = { kind: 'wired', value: 'places' } as const

/** When something was last reconciled. No change of it is audited: whoever forges it is only reconciled less. */
export const RECONCILED = 'reconciled'

/** Accounts, by their name. */
export const RECONCILED_ACCOUNTS = { kind: RECONCILED, value: 'accounts' } as const

/** Roles and users that may have policies attached. */
export const RECONCILED_TARGETS = { kind: RECONCILED, value: 'targets' } as const

/** The same, when the documents of their policies were compared too. */
export const RECONCILED_DOCUMENTS = { kind: RECONCILED, value: 'documents' } as const
