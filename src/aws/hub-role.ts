import { AssumeRoleCommand, type STSClient } from '@aws-sdk/client-sts'
import { remember } from '../async.ts'
import type { Account, Hub } from '../rules/rules.ts'
import { type AwsLog, askAws } from './aws-error.ts'

/** The two AWS identities of Latchkey: web reads and vends, workers write policies too. */
export type Part = 'web' | 'workers'

/** Every role allows it, and role chaining no more. */
const SESSION_SECONDS = 3_600
/** It is said to end this much early, so that a clock which is off does not make it used past its end. The SDK renews five minutes before. */
const EARLY_MS = 10 * 60_000
const RENEW_MS = 5 * 60_000

export interface HubDeps {
  readonly sts: STSClient
  readonly account: Account
  readonly hub: Hub
  readonly part: Part
  readonly log: AwsLog
}

export interface HubCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string
  readonly expiration: Date
}

/** Of one session in an account that is not our own, shared by all its clients. A failure is not remembered. */
export function hubCredentials(deps: HubDeps): () => Promise<HubCredentials> {
  return remember(
    () => enterHub(deps),
    ({ expiration }) => expiration.getTime() - RENEW_MS > Date.now(),
  )
}

/** Without a source identity: it would stick to whatever is entered from here. */
async function enterHub({ sts, account, hub, part, log }: HubDeps): Promise<HubCredentials> {
  const asking = {
    doing: `to let Latchkey into account ${account.name}`,
    next: 'Have the operator see that its hub role is there, trusts Latchkey, and demands the external id of the rules.',
  }
  const command = new AssumeRoleCommand({
    RoleArn: `arn:aws:iam::${account.id}:role/${part === 'web' ? hub.reader : hub.role}`,
    RoleSessionName: `latchkey-${part}`,
    ExternalId: hub.externalId,
    DurationSeconds: SESSION_SECONDS,
  })
  const { Credentials } = await askAws(asking, log, () => sts.send(command))
  const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = Credentials ?? {}
  if (!AccessKeyId || !SecretAccessKey || !SessionToken || !Expiration)
    throw new TypeError('STS answered without credentials')
  return {
    accessKeyId: AccessKeyId,
    secretAccessKey: SecretAccessKey,
    sessionToken: SessionToken,
    expiration: new Date(Expiration.getTime() - EARLY_MS),
  }
}
