import { AssumeRoleCommand, type AssumeRoleCommandOutput, type STSClient } from '@aws-sdk/client-sts'
import { isLatchkeyError, LatchkeyError } from '../../errors.ts'
import type { Credentials, GrantDraft, GrantOrder } from '../../grants/driver.ts'
import type { SessionPrincipal } from '../../grants/principal.ts'
import type { BucketFacts } from '../../policies/grant-statements.ts'
import { sessionPolicy } from '../../policies/session-policy.ts'
import { type AwsLog, askAws } from '../aws-error.ts'
import { AT_THE_WIRE, type AwsDate, watchDate } from '../clock-skew.ts'

const SHORTEST_SECONDS = 900
/** Every role allows an hour, and a session that was itself entered through a role gets no more. A longer grant is vended again. */
export const LONGEST_SECONDS = 3_600
const NEARLY_FULL_PERCENT = 90
/** As long as the id of a grant and never one, for a hyphen is in none; and our trust policies let in what begins like one. */
export const MEASURED_AS = 'g-for-its-size'

export interface Assumed {
  readonly credentials: Credentials
  readonly date: AwsDate
}

export interface AssumeDeps {
  readonly sts: STSClient
  readonly log: AwsLog
  readonly bucket: BucketFacts
  /** Demanded by roles of an account that is not our own. */
  readonly externalId: string | undefined
}

/** One session of exactly the grant. @throws OVER when its end is past by `nowMs`. */
export async function assumeRole(
  { sts, log, bucket, externalId }: AssumeDeps,
  order: GrantOrder<SessionPrincipal>,
  nowMs: number,
): Promise<Assumed> {
  const { grantId, principal, endsAt } = order
  const leftSeconds = Math.ceil((Date.parse(endsAt) - nowMs) / 1_000)
  if (!(leftSeconds > 0)) throw new LatchkeyError('OVER', { thing: 'grant', at: endsAt })
  const command = new AssumeRoleCommand({
    ...saidOf(order),
    RoleArn: principal.roleArn,
    RoleSessionName: grantId,
    ExternalId: externalId,
    Policy: sessionPolicy(order, bucket),
    DurationSeconds: Math.min(Math.max(leftSeconds, SHORTEST_SECONDS), LONGEST_SECONDS),
  })
  const date = { ms: Number.NaN }
  command.middlewareStack.add(watchDate(date), AT_THE_WIRE)
  const answer = await askAws(toEnter(principal.roleArn), log, () => sts.send(command))
  tellNearlyFull(log, grantId, answer)
  refuseOtherRole(order, answer.AssumedRoleUser?.AssumedRoleId)
  return { credentials: credentialsOf(answer.Credentials, endsAt), date }
}

/** What of a session's request is the same whenever it is made: with the policy it is all that AWS packs. */
function saidOf({ grantId, requester }: Pick<GrantDraft, 'grantId' | 'requester'>) {
  const Tags = [
    { Key: 'latchkey:grant', Value: grantId },
    { Key: 'latchkey:requester', Value: requester },
  ]
  return { SourceIdentity: requester, Tags }
}

/** Its end is long past: what is measured with it fits with any, and may do nothing. */
const LONG_PAST = '2000-01-01T00:00:00Z'

/** The policy of a draft, as long as that of any grant from it. @throws QUOTA_FULL with more characters than AWS takes */
export function pastPolicy(draft: GrantDraft, bucket: BucketFacts): string {
  return sessionPolicy({ ...draft, endsAt: LONG_PAST }, bucket)
}

/**
 * Lets AWS pack what a grant from this draft would send: only AWS knows how large that gets. The session that it makes of it was over before it
 * began, and its credentials are read by nobody. Whether the role lets Latchkey in is judged elsewhere. @throws QUOTA_FULL, and UNAVAILABLE without an answer
 */
export async function measureSession(
  { sts, log, bucket, externalId }: AssumeDeps,
  roleArn: string,
  draft: GrantDraft,
): Promise<void> {
  const command = new AssumeRoleCommand({
    ...saidOf(draft),
    RoleArn: roleArn,
    RoleSessionName: MEASURED_AS,
    ExternalId: externalId,
    Policy: pastPolicy(draft, bucket),
    DurationSeconds: SHORTEST_SECONDS,
  })
  try {
    await askAws(toEnter(roleArn), log, () => sts.send(command))
  } catch (error) {
    if (!isLatchkeyError(error, 'AWS_REFUSED')) throw error
  }
}

function toEnter(roleArn: string) {
  return {
    doing: `a session of ${roleArn}`,
    next: 'Have the operator see that the role is there and that its trust policy lets Latchkey in.',
  }
}

/** AWS does not say how it packs policy and tags: an upgrade of ours must not be what finds the limit. */
function tellNearlyFull(log: AwsLog, grantId: string, answer: AssumeRoleCommandOutput): void {
  const percent = Math.max(answer.PackedPolicySize ?? 0, answer.SessionTokenUtilization ?? 0)
  if (percent >= NEARLY_FULL_PERCENT) log.warn({ grantId, percent }, 'a session is nearly as large as AWS takes')
}

/** A role that was deleted and made again under its old name is not the one that was approved, and no Deny of ours knows its id. */
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

type Answered = {
  readonly AccessKeyId: string | undefined
  readonly SecretAccessKey: string | undefined
  readonly SessionToken: string | undefined
  readonly Expiration: Date | undefined
}

function credentialsOf(answered: Answered | undefined, endsAt: string): Credentials {
  const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = answered ?? {}
  if (!AccessKeyId || !SecretAccessKey || !SessionToken || !Expiration)
    throw new TypeError('STS answered without credentials')
  const expiresAt = new Date(Math.min(Expiration.getTime(), Date.parse(endsAt))).toISOString()
  return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken, expiresAt }
}
