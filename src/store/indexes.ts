/** Indexes of this kind only say when something was last looked at: no change of it, and of no use to anybody who forges it but to be looked at less. */
export const BOOKKEEPING = 'reconciled'

export const ASKS_OF = 'asks'

/** Finds the request that was asked by it. */
export const SAID = 'said'

/** Rows of the indexes that find requests. */
export const PENDING_OF = 'pending'

export const REQUESTS_OF = 'requests'

export const TO_REVIEW_BY = 'to-review'

/** Rows of the index that finds every grant that is not over yet. */
export const LIVE = { kind: 'live', value: 'grants' } as const

/** Rows of the index that finds the grants of one requester. */
export const GRANTS_OF = 'grants'

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

export const REFUSALS_OF = 'refusals'

export const VENDS_OF = 'vends'

/** Regions of accounts that `latchkey aws setup` has wired: rows of an index, each in one write with its audit event. */
export const WIRED = { kind: 'wired', value: 'places' } as const
