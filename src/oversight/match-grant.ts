import type { GenuineGrant } from '../grants/genuine-grant.ts'
import type { Grant } from '../grants/grant.ts'
import { ACTIONS } from '../rules/levels.ts'
import { contains, parseScope } from '../rules/scope.ts'
import type { CloudTrailRecord } from './cloudtrail-record.ts'

/** The clocks of AWS and Redis may differ by so much. Beyond it no grant is activated. */
const SKEW_MS = 60_000
/** EventBridge retries a delivery for 24 hours ("Retry policy"). */
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

/** A session of an elevation role is named after its grant. Undefined: the record is not of such a session. */
export function grantIdOf({ principalId = '' }: CloudTrailRecord): string | undefined {
  return /^AROA[A-Z0-9]+:(g-[0-9a-z]{12})$/.exec(principalId)?.[1]
}

/**
 * The `aws:userid` of an IAM user, or of a session of a role that is not named after a grant. Grants may be attached to
 * both.
 */
export function principalIdOf(record: CloudTrailRecord): string | undefined {
  const { principalId = '' } = record
  return grantIdOf(record) === undefined && /^(?:AIDA[A-Z0-9]+|AROA[A-Z0-9]+:.+)$/.test(principalId)
    ? principalId
    : undefined
}

/**
 * Finds the attached grant that explains a record. People do all their work under the same principal id, so account,
 * time and scope must match too. Of several grants, one that allows the call is taken first, then the one that ends
 * last.
 * @param attached Attached grants, the one that ends last first
 */
export function matchAttached(record: CloudTrailRecord, attached: readonly GenuineGrant[], nowMs: number): Match {
  const theirs = attached.filter(({ grant }) => isAttachedTo(grant.terms.principal, record))
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

function isAttachedTo(principal: Grant['terms']['principal'], { principalId, account }: CloudTrailRecord): boolean {
  return principal.driver === 'attach' && principal.userid === principalId && principal.account === account
}

/** A call without a key is about its bucket or about many of its objects. Every scope in that bucket contains it. */
function isInScope({ bucket, key }: CloudTrailRecord, { terms }: Grant): boolean {
  const scopes = terms.scopes.map(parseScope).filter((scope) => scope.bucket === bucket)
  return scopes.some((scope) => key === undefined || (bucket !== undefined && contains(scope, { bucket, key })))
}

/**
 * Maps a call to its IAM action where the two names differ ("Actions, resources, and condition keys for Amazon S3").
 */
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
 * Checks whether a record is of the session of that grant, by exact principal id, account and the record's own time.
 * The time of arrival does not count: EventBridge may deliver hours later.
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
  // AWS enforces `endsAt`. A grant that ended on time may have a later `endedAt`, because workers write it afterwards.
  const endMs = Math.min(Date.parse(endsAt), Date.parse(endedAt ?? endsAt))
  const acceptedUntilMs = endMs + ACCEPTED_FOR_MS
  if (nowMs > acceptedUntilMs) return { unexplained: 'too-late-to-tell' }
  if (atMs < Date.parse(activatedAt) - SKEW_MS) return { unexplained: 'before-the-grant' }
  // AWS must refuse calls after the end, so a late call with AccessDenied is explained by the grant.
  if (atMs > endMs + SKEW_MS && record.errorCode !== 'AccessDenied') return { unexplained: 'after-the-grant' }
  return { grantId: grant.id, requestId: grant.terms.requestId, acceptedUntilMs }
}
