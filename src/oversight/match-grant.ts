import type { Grant } from '../grants/grant.ts'
import type { CloudTrailRecord } from './cloudtrail-record.ts'

/** As far as the clocks of AWS and the record may be apart: beyond this nothing is activated. */
const SKEW_MS = 60_000
/** EventBridge tries for 24 hours to deliver ("Retry policy"). */
export const ACCEPTED_FOR_MS = 24 * 3_600_000

export type Unexplained =
  | 'no-principal'
  | 'not-a-session-of-a-grant'
  | 'unknown-grant'
  | 'other-principal'
  | 'other-account'
  | 'never-active'
  | 'before-the-grant'
  | 'after-the-grant'
  | 'too-late-to-tell'

export type Match =
  | { readonly grantId: string; readonly requestId: string; readonly acceptedUntilMs: number }
  | { readonly unexplained: Unexplained }

/** The session name is the grant id. Undefined: not the session of any grant. */
export function grantIdOf({ principalId = '' }: CloudTrailRecord): string | undefined {
  return /^AROA[A-Z0-9]+:(g-[0-9a-z]{12})$/.exec(principalId)?.[1]
}

/**
 * Whether a record is of that grant: by exact principal id, account and the record's own time, never by when it arrived. What AWS refused after the
 * end is explained by the end.
 */
export function matchGrant(record: CloudTrailRecord, grant: Grant | undefined, nowMs: number): Match {
  const { principalId } = record
  if (principalId === undefined) return { unexplained: 'no-principal' }
  if (grantIdOf(record) === undefined) return { unexplained: 'not-a-session-of-a-grant' }
  if (grant === undefined) return { unexplained: 'unknown-grant' }
  const { principal } = grant.terms
  const { account } = principal
  const userid = principal.driver === 'session' ? `${principal.roleId}:${grant.id}` : principal.userid
  if (principalId !== userid) return { unexplained: 'other-principal' }
  if (record.account !== account) return { unexplained: 'other-account' }
  return matchTime(record, grant, nowMs)
}

function matchTime(record: CloudTrailRecord, grant: Grant, nowMs: number): Match {
  const { activatedAt, endsAt, endedAt } = grant
  if (activatedAt === undefined || endsAt === undefined) return { unexplained: 'never-active' }
  const atMs = Date.parse(record.at)
  // The end as AWS enforces it: `endedAt` is later where the end on time was only written down late.
  const endMs = Math.min(Date.parse(endsAt), Date.parse(endedAt ?? endsAt))
  const acceptedUntilMs = endMs + ACCEPTED_FOR_MS
  if (nowMs > acceptedUntilMs) return { unexplained: 'too-late-to-tell' }
  if (atMs < Date.parse(activatedAt) - SKEW_MS) return { unexplained: 'before-the-grant' }
  if (atMs > endMs + SKEW_MS && record.errorCode !== 'AccessDenied') return { unexplained: 'after-the-grant' }
  return { grantId: grant.id, requestId: grant.terms.requestId, acceptedUntilMs }
}
