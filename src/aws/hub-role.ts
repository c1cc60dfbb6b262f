import { AssumeRoleCommand, type STSClient } from '@aws-sdk/client-sts'
import { remember } from '../async.ts'
import type { Account, Hub } from '../rules/rules.ts'
import { type AwsLog, askAws } from './aws-error.ts'

/** The two AWS identities of Latchkey: `web` reads and vends credentials, `workers` also writes policies. */
export type Part = 'web' | 'workers'

/**
 * One hour: every role allows it, and AWS allows no more to a session that was entered through a role ("role
 * chaining").
 */
const SESSION_SECONDS = 3_600
/**
 * We state an end this much before the real one, so that a wrong local clock does not lead to use of expired
 * credentials.
 */
const SAFETY_MARGIN_MS = 10 * 60_000
/** The SDK asks for new credentials when fewer than five minutes are left. */
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

/**
 * Credentials of one session in another account, shared by all clients of that account. A failure is not cached: the
 * next call tries again.
 */
export function hubCredentials(deps: HubDeps): () => Promise<HubCredentials> {
  return remember(
    () => enterHub(deps),
    ({ expiration }) => expiration.getTime() - RENEW_MS > Date.now(),
  )
}

/** Sets no SourceIdentity: AWS would carry it into every role that is assumed from this session. */
async function enterHub({ sts, account, hub, part, log }: HubDeps): Promise<HubCredentials> {
  const callText = {
    doing: `to let Latchkey into account ${account.name}`,
    next: 'Have the operator see that its hub role is there, trusts Latchkey, and demands the external id of the rules.',
  }
  const command = new AssumeRoleCommand({
    RoleArn: `arn:aws:iam::${account.id}:role/${part === 'web' ? hub.reader : hub.role}`,
    RoleSessionName: `latchkey-${part}`,
    ExternalId: hub.externalId,
    DurationSeconds: SESSION_SECONDS,
  })
  const { Credentials } = await askAws(callText, log, () => sts.send(command))
  const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = Credentials ?? {}
  if (!AccessKeyId || !SecretAccessKey || !SessionToken || !Expiration)
    throw new TypeError('STS answered without credentials')
  return {
    accessKeyId: AccessKeyId,
    secretAccessKey: SecretAccessKey,
    sessionToken: SessionToken,
    expiration: new Date(Expiration.getTime() - SAFETY_MARGIN_MS),
  }
}
