import type { GenuineGrant } from '../grants/genuine-grant.ts'
import type { Grant } from '../grants/grant.ts'
import { ACTIONS } from '../rules/levels.ts'
import { contains, parseScope } from '../rules/scope.ts'
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
  | 'outside-the-scope'
  | 'too-late-to-tell'

export type Match =
  | { readonly grantId: string; readonly requestId: string; readonly acceptedUntilMs: number }
  | { readonly unexplained: Unexplained }

/** Of an elevation role the session name is the grant id. Undefined: no such session. */
export function grantIdOf({ principalId = '' }: CloudTrailRecord): string | undefined {
  return /^AROA[A-Z0-9]+:(g-[0-9a-z]{12})$/.exec(principalId)?.[1]
}

/** The exact `aws:userid` of somebody who may hold grants on their own role or user. */
export function principalIdOf(record: CloudTrailRecord): string | undefined {
  const { principalId = '' } = record
  return grantIdOf(record) === undefined && /^(?:AIDA[A-Z0-9]+|AROA[A-Z0-9]+:.+)$/.test(principalId)
    ? principalId
    : undefined
}

/**
 * Which of the grants on somebody's own role or user a record is of: they do everything else under the same principal id, so besides account and
 * time it must be within the scope. Of several, one that allows such a call comes first, then the one that ends last.
 * @param held The one that ends last first.
 */
export function matchAttached(record: CloudTrailRecord, held: readonly GenuineGrant[], nowMs: number): Match {
  const theirs = held.filter(({ grant }) => isHeldBy(grant.terms.principal, record))
  if (theirs.length === 0) return { unexplained: 'not-a-session-of-a-grant' }
  const matches = theirs.map((one) => ({ grant: one.grant, match: matchTime(record, one, nowMs) }))
  const inTime = matches.filter(({ match }) => 'grantId' in match)
  const inScope = inTime.filter(({ grant }) => isInScope(record, grant))
  const best = inScope.find(({ grant }) => isAllowed(record, grant)) ?? inScope[0]
  if (best) return best.match
  return inTime.length > 0
    ? { unexplained: 'outside-the-scope' }
    : (matches[0]?.match ?? { unexplained: 'unknown-grant' })
}

function isHeldBy(principal: Grant['terms']['principal'], { principalId, account }: CloudTrailRecord): boolean {
  return principal.driver === 'attach' && principal.userid === principalId && principal.account === account
}

/** A call that names no object is about its bucket, or about many of its objects. */
function isInScope({ bucket, key }: CloudTrailRecord, { terms }: Grant): boolean {
  const scopes = terms.scopes.map(parseScope).filter((scope) => scope.bucket === bucket)
  return scopes.some((scope) => key === undefined || (bucket !== undefined && contains(scope, { bucket, key })))
}

/** Calls that IAM judges by another name ("Actions, resources, and condition keys for Amazon S3"). */
const ACTION_OF: ReadonlyMap<string, string> = new Map([
  ...[
    'CopyObject',
    'PostObject',
    'CreateMultipartUpload',
    'UploadPart',
    'UploadPartCopy',
    'CompleteMultipartUpload',
  ].map((name) => [name, 's3:PutObject'] as const),
  ['DeleteObjects', 's3:DeleteObject'],
  ['HeadObject', 's3:GetObject'],
])

function isAllowed({ name }: CloudTrailRecord, { terms }: Grant): boolean {
  const action = ACTION_OF.get(name) ?? `s3:${name}`
  const allowed = terms.levels.flatMap((level) => ACTIONS[level].object)
  return allowed.includes(action) || allowed.includes(`${action}Version`)
}

/**
 * Whether a record is of the session of that grant: by exact principal id, account and the record's own time, never by when it arrived. What AWS refused after the
 * end is explained by the end.
 */
export function matchGrant(record: CloudTrailRecord, genuine: GenuineGrant | undefined, nowMs: number): Match {
  const { principalId } = record
  if (principalId === undefined) return { unexplained: 'no-principal' }
  if (grantIdOf(record) === undefined) return { unexplained: 'not-a-session-of-a-grant' }
  if (genuine === undefined) return { unexplained: 'unknown-grant' }
  const { grant } = genuine
  const { principal } = grant.terms
  const { account } = principal
  const isItsSession = principal.driver === 'session' && principalId === `${principal.roleId}:${grant.id}`
  if (!isItsSession) return { unexplained: 'other-principal' }
  if (record.account !== account) return { unexplained: 'other-account' }
  return matchTime(record, genuine, nowMs)
}

function matchTime(record: CloudTrailRecord, { grant }: GenuineGrant, nowMs: number): Match {
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
