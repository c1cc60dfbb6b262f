import { IAMClient, type IAMClientConfig } from '@aws-sdk/client-iam'
import { KMSClient } from '@aws-sdk/client-kms'
import { S3Client } from '@aws-sdk/client-s3'
import { STSClient } from '@aws-sdk/client-sts'
import { remember } from '../async.ts'
import { LatchkeyError } from '../errors.ts'
import type { Urgency } from '../grants/driver.ts'
import type { Account, Rules } from '../rules/rules.ts'
import { type AwsLog, askAws } from './aws-error.ts'
import { readIdentity } from './clock-skew.ts'
import { findAccount } from './find-in-rules.ts'
import { hubCredentials, type Part } from './hub-role.ts'
import { iamWriteQueue } from './iam-write-queue.ts'

/** The SDK's own environment gives endpoint and credentials. Its default has no time-out for a request at all. */
const SETTINGS = {
  maxAttempts: 3,
  retryMode: 'standard',
  requestHandler: { connectionTimeout: 2_000, requestTimeout: 5_000, throwOnRequestTimeout: true },
} as const

/** There is one IAM control plane; it signs as us-east-1. */
const IAM_REGION = 'us-east-1'

export interface ClientsDeps extends Pick<Rules, 'accounts'> {
  /** Which of the two AWS identities this process is. */
  readonly part: Part
  readonly log: AwsLog
}

/**
 * Clients, made once each. Accounts are twelve digits; into one that has a hub they go through its hub role, into the others with the process's
 * own credentials. What the rules name no more can still be ended: IAM of our own account needs no entry there. @throws NOT_ELIGIBLE for S3 and KMS
 * of an account that the rules do not name.
 */
export interface AwsClients {
  /** To read. */
  iam(account: string): IAMClient
  s3(account: string, region: string): S3Client
  kms(account: string, region: string): KMSClient
  /** STS of a bucket's own region, with the process's own credentials: it answers when another region does not. */
  sts(region: string): STSClient
  /** The only way to write to IAM, in the account's lane. `call` may run several times. Errors are the SDK's: use it inside `askAws`. */
  writeIam<T>(account: string, urgency: Urgency, call: (iam: IAMClient) => Promise<T>): Promise<T>
}

export function awsClients({ accounts, part, log }: ClientsDeps): AwsClients {
  const sts = onePer((region) => new STSClient({ ...SETTINGS, region }))
  const named = (id: string) => [...accounts.values()].find((one) => one.id === id)
  const credentials = onePer((id) => {
    const account = named(id)
    return (
      account?.hub && { credentials: hubCredentials({ sts: sts(IAM_REGION), account, hub: account.hub, part, log }) }
    )
  })
  const own = ownAccount(sts(IAM_REGION), log)
  const open = (id: string, settings: IAMClientConfig) => {
    const hop = credentials(id)
    const client = iamClient({ ...settings, ...hop })
    if (!hop) keepTo(client, id, own, noHubNext(named(id)))
    return client
  }
  const iam = onePer((id) => open(id, SETTINGS))
  // The lane repeats by itself: it must know at once that AWS throttles.
  const writer = onePer((id) => open(id, { ...SETTINGS, maxAttempts: 1 }))
  const lane = onePer((_id) => iamWriteQueue())
  const s3 = onePer((place) => new S3Client({ ...SETTINGS, ...placed(place) }))
  const kms = onePer((place) => new KMSClient({ ...SETTINGS, ...placed(place) }))

  function placed(place: string) {
    const [id = '', region = ''] = place.split(' ')
    findAccount(accounts, id)
    return { region, ...credentials(id) }
  }

  return {
    iam,
    sts,
    s3: (id, region) => s3(`${id} ${region}`),
    kms: (id, region) => kms(`${id} ${region}`),
    writeIam: (id, urgency, call) => lane(id).write(urgency, () => call(writer(id))),
  }
}

/** Which account the process's own credentials are of. Asked once; a failure is not remembered. */
function ownAccount(sts: STSClient, log: AwsLog): () => Promise<string> {
  const asking = { doing: 'to say who Latchkey is', next: 'Have the operator see that AWS knows its credentials.' }
  return remember(async () => (await askAws(asking, log, () => readIdentity(sts))).account)
}

/** IAM takes names, and one role of each name stands in every account: what was meant for another account must not be done in our own. */
function keepTo(client: IAMClient, account: string, own: () => Promise<string>, next: string): void {
  client.middlewareStack.add(
    (goOn) => async (args) => {
      if ((await own()) === account) return await goOn(args)
      throw new LatchkeyError('AWS_REFUSED', {
        doing: `access to account ${account}`,
        awsCode: 'NoHub',
        next,
        by: 'Latchkey',
      })
    },
    { step: 'initialize', name: 'keepToAccount' },
  )
}

function noHubNext(account: Account | undefined): string {
  return account === undefined
    ? 'The rules do not name it any more. Have the operator put it back into the rules, with its hub, until no grant is live there.'
    : 'Latchkey does not run in that account, and the rules name no hub for it. Have the operator add one.'
}

/** Made at its first use, and kept. */
function onePer<T>(make: (of: string) => T): (of: string) => T {
  const made = new Map<string, { readonly one: T }>()
  return (of) => {
    const kept = made.get(of) ?? { one: make(of) }
    made.set(of, kept)
    return kept.one
  }
}

function iamClient(settings: IAMClientConfig): IAMClient {
  const iam = new IAMClient({ ...settings, region: IAM_REGION })
  iam.middlewareStack.add(
    (next) => async (args) => {
      try {
        return await next(args)
      } catch (error) {
        throw quotaIsNotThrottling(error)
      }
    },
    // Inside the retries, which have priority `high`.
    { step: 'finalizeRequest', priority: 'low', name: 'quotaIsNotThrottling' },
  )
  return iam
}

/** The SDK takes this name for throttling, waits and repeats; IAM means a quota by it. Its name on the wire is the shorter one. */
function quotaIsNotThrottling(error: unknown): unknown {
  if (error instanceof Error && error.name === 'LimitExceededException') error.name = 'LimitExceeded'
  return error
}
