import { AssumeRoleCommand, type AssumeRoleCommandOutput, type STSClient } from '@aws-sdk/client-sts'
import { isLatchkeyError, LatchkeyError } from '../../errors.ts'
import type { Credentials, GrantDraft, GrantOrder } from '../../grants/driver.ts'
import type { SessionPrincipal } from '../../grants/principal.ts'
import type { BucketFacts } from '../../policies/grant-statements.ts'
import { sessionPolicy } from '../../policies/session-policy.ts'
import { type AwsLog, askAws } from '../aws-error.ts'
import { AT_THE_WIRE, type AwsDate, watchDate } from '../clock-skew.ts'

/** The shortest session that AssumeRole makes. */
const SHORTEST_SECONDS = 900
/**
 * One hour: every role allows it, and AWS allows no more when Latchkey itself runs as a role ("role chaining").
 * Credentials of a longer grant are vended again.
 */
export const LONGEST_SECONDS = 3_600
const NEARLY_FULL_PERCENT = 90
/**
 * Session name for `measureSession`. It begins with `g-`, which our trust policies demand, and is as long as a grant
 * id. No grant id is equal to it, because the rest of a grant id contains no hyphen.
 */
export const MEASURED_AS = 'g-for-its-size'

export interface Assumed {
  readonly credentials: Credentials
  readonly date: AwsDate
}

export interface AssumeDeps {
  readonly sts: STSClient
  readonly log: AwsLog
  readonly bucket: BucketFacts
  /** The hub's external id; undefined for the account in which Latchkey runs. */
  readonly externalId: string | undefined
}

/**
 * Makes a session whose policy allows exactly the grant.
 * @throws OVER when the grant's end is not after `nowMs`
 * @throws AWS_REFUSED when AWS refuses, or the role was created again since the approval
 */
export async function assumeRole(
  { sts, log, bucket, externalId }: AssumeDeps,
  order: GrantOrder<SessionPrincipal>,
  nowMs: number,
): Promise<Assumed> {
  const { grantId, principal, endsAt } = order
  const remainingSeconds = Math.ceil((Date.parse(endsAt) - nowMs) / 1_000)
  if (!(remainingSeconds > 0)) throw new LatchkeyError('OVER', { thing: 'grant', at: endsAt })
  const command = new AssumeRoleCommand({
    ...sourceIdentityAndTags(order),
    RoleArn: principal.roleArn,
    RoleSessionName: grantId,
    ExternalId: externalId,
    Policy: sessionPolicy(order, bucket),
    DurationSeconds: Math.min(Math.max(remainingSeconds, SHORTEST_SECONDS), LONGEST_SECONDS),
  })
  const date = { ms: Number.NaN }
  command.middlewareStack.add(watchDate(date), AT_THE_WIRE)
  const answer = await askAws(assumeCallText(principal.roleArn), log, () => sts.send(command))
  warnNearlyFull(log, grantId, answer)
  refuseOtherRole(order, answer.AssumedRoleUser?.AssumedRoleId)
  return { credentials: credentialsOf(answer.Credentials, endsAt), date }
}

/** Source identity and tags: with the session policy, all that AWS counts as the packed size of a session. */
function sourceIdentityAndTags({ grantId, requester }: Pick<GrantDraft, 'grantId' | 'requester'>) {
  const Tags = [
    { Key: 'latchkey:grant', Value: grantId },
    { Key: 'latchkey:requester', Value: requester },
  ]
  return { SourceIdentity: requester, Tags }
}

/** Placeholder for a grant's end: as long as every other time, and long past, so a session with it may do nothing. */
const PAST_END = '2000-01-01T00:00:00Z'

/**
 * The session policy of a draft with a past end. It is as long as the policy of any grant from the draft.
 * @throws QUOTA_FULL when it has more characters than AWS accepts
 */
export function expiredPolicy(draft: GrantDraft, bucket: BucketFacts): string {
  return sessionPolicy({ ...draft, endsAt: PAST_END }, bucket)
}

/**
 * Checks that a grant from this draft fits into a session, by making one: only AWS knows the packed size. The policy of
 * that session has expired, and its credentials are dropped. Other refusals are ignored, because `checkRoles` reports
 * why a role does not let Latchkey in.
 * @throws QUOTA_FULL when it does not fit, UNAVAILABLE when no answer came
 */
export async function measureSession(
  { sts, log, bucket, externalId }: AssumeDeps,
  roleArn: string,
  draft: GrantDraft,
): Promise<void> {
  const command = new AssumeRoleCommand({
    ...sourceIdentityAndTags(draft),
    RoleArn: roleArn,
    RoleSessionName: MEASURED_AS,
    ExternalId: externalId,
    Policy: expiredPolicy(draft, bucket),
    DurationSeconds: SHORTEST_SECONDS,
  })
  try {
    await askAws(assumeCallText(roleArn), log, () => sts.send(command))
  } catch (error) {
    if (!isLatchkeyError(error, 'AWS_REFUSED')) throw error
  }
}

function assumeCallText(roleArn: string) {
  return {
    doing: `a session of ${roleArn}`,
    next: 'Have the operator see that the role is there and that its trust policy lets Latchkey in.',
  }
}

/**
 * Warns before the limit is reached: AWS does not document how it packs, so a longer policy of a later version could
 * exceed it.
 */
function warnNearlyFull(log: AwsLog, grantId: string, answer: AssumeRoleCommandOutput): void {
  const percent = Math.max(answer.PackedPolicySize ?? 0, answer.SessionTokenUtilization ?? 0)
  if (percent >= NEARLY_FULL_PERCENT) log.warn({ grantId, percent }, 'a session is nearly as large as AWS takes')
}

/**
 * A role that was deleted and created again has another id. It was not approved, and the Deny documents name the old
 * id.
 */
function refuseOtherRole(
  { principal, grantId }: GrantOrder<SessionPrincipal>,
  assumedRoleId: string | undefined,
): void {
  if (assumedRoleId === `${principal.roleId}:${grantId}`) return
  throw new LatchkeyError('AWS_REFUSED', {
    doing: `a session of ${principal.roleArn}`,
    awsCode: 'OtherRole',
    next: 'The role was made again since this was approved. Ask again.',
    by: 'Latchkey',
  })
}

type StsCredentials = {
  readonly AccessKeyId: string | undefined
  readonly SecretAccessKey: string | undefined
  readonly SessionToken: string | undefined
  readonly Expiration: Date | undefined
}

function credentialsOf(credentials: StsCredentials | undefined, endsAt: string): Credentials {
  const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = credentials ?? {}
  if (!AccessKeyId || !SecretAccessKey || !SessionToken || !Expiration)
    throw new TypeError('STS answered without credentials')
  const expiresAt = new Date(Math.min(Expiration.getTime(), Date.parse(endsAt))).toISOString()
  return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken, expiresAt }
}
