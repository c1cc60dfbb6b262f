import { AssumeRoleCommand, type AssumeRoleCommandOutput, type STSClient } from '@aws-sdk/client-sts'
import { LatchkeyError } from '../errors.ts'
import type { Credentials, GrantOrder, SessionPrincipal } from '../grants/driver.ts'
import { type BucketFacts, sessionPolicy } from '../grants/iam-document.ts'
import { AT_THE_WIRE, type AwsDate, watchDate } from './aws-date.ts'
import { type AwsLog, askAws } from './aws-error.ts'

const SHORTEST_SECONDS = 900
/** Every role allows an hour, and a session that was itself entered through a role gets no more. A longer grant is vended again. */
export const LONGEST_SECONDS = 3_600
const NEARLY_FULL_PERCENT = 90

export interface Assumed {
  readonly credentials: Credentials
  readonly date: AwsDate
}

export interface AssumeNeeds {
  readonly sts: STSClient
  readonly log: AwsLog
  readonly bucket: BucketFacts
  /** Demanded by roles of an account that is not our own. */
  readonly externalId: string | undefined
}

/** One session of exactly the grant. @throws OVER when its end is past by `nowMs`. */
export async function assumeRole(
  { sts, log, bucket, externalId }: AssumeNeeds,
  order: GrantOrder<SessionPrincipal>,
  nowMs: number,
): Promise<Assumed> {
  const { grantId, requester, principal, endsAt } = order
  const leftSeconds = Math.ceil((Date.parse(endsAt) - nowMs) / 1_000)
  if (!(leftSeconds > 0)) throw new LatchkeyError('OVER', { thing: 'grant', at: endsAt })
  const command = new AssumeRoleCommand({
    RoleArn: principal.roleArn,
    RoleSessionName: grantId,
    SourceIdentity: requester,
    ExternalId: externalId,
    Tags: [
      { Key: 'latchkey:grant', Value: grantId },
      { Key: 'latchkey:requester', Value: requester },
    ],
    Policy: sessionPolicy(order, bucket),
    DurationSeconds: Math.min(Math.max(leftSeconds, SHORTEST_SECONDS), LONGEST_SECONDS),
  })
  const date = { ms: Number.NaN }
  command.middlewareStack.add(watchDate(date), AT_THE_WIRE)
  const asking = {
    doing: `a session of ${principal.roleArn}`,
    next: 'Have the operator see that the role is there and that its trust policy lets Latchkey in.',
  }
  const answer = await askAws(asking, log, () => sts.send(command))
  tellNearlyFull(log, grantId, answer)
  refuseOtherRole(order, answer.AssumedRoleUser?.AssumedRoleId)
  return { credentials: credentialsOf(answer.Credentials, endsAt), date }
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
