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

/**
 * Endpoint and credentials come from the SDK's environment variables. By default the SDK sets no time limit for a
 * request.
 */
const SETTINGS = {
  maxAttempts: 3,
  retryMode: 'standard',
  requestHandler: { connectionTimeout: 2_000, requestTimeout: 5_000, throwOnRequestTimeout: true },
} as const

/** IAM has one control plane per partition; requests to it are signed for us-east-1. */
const IAM_REGION = 'us-east-1'

export interface ClientsDeps extends Pick<Rules, 'accounts'> {
  /** Whether this process runs as the identity of web or of workers. */
  readonly part: Part
  readonly log: AwsLog
}

/**
 * AWS clients, each made once. `account` has twelve digits. An account with a hub is entered through its hub role. Any
 * other account is entered with the process's own credentials.
 *
 * IAM of the process's own account works even when the rules no longer name it, so that its grants can be revoked.
 * @throws NOT_ELIGIBLE for S3 and KMS of an account that the rules do not name
 */
export interface AwsClients {
  /** This client is for reading only; writes go through `writeIam`. */
  iam(account: string): IAMClient
  s3(account: string, region: string): S3Client
  kms(account: string, region: string): KMSClient
  /**
   * STS with the process's own credentials. Use the bucket's region, so that a failure of another region does not
   * matter.
   */
  sts(region: string): STSClient
  /**
   * The only way to write to IAM, through the account's write queue. `call` may run several times. Throws the SDK's
   * errors.
   */
  writeIam<T>(account: string, urgency: Urgency, call: (iam: IAMClient) => Promise<T>): Promise<T>
}

export function awsClients({ accounts, part, log }: ClientsDeps): AwsClients {
  const sts = memoizeByKey((region) => new STSClient({ ...SETTINGS, region }))
  const accountInRules = (id: string) => [...accounts.values()].find((one) => one.id === id)
  const credentials = memoizeByKey((id) => {
    const account = accountInRules(id)
    return (
      account?.hub && { credentials: hubCredentials({ sts: sts(IAM_REGION), account, hub: account.hub, part, log }) }
    )
  })
  const own = ownAccount(sts(IAM_REGION), log)
  const open = (id: string, settings: IAMClientConfig) => {
    const viaHub = credentials(id)
    const client = iamClient({ ...settings, ...viaHub })
    if (!viaHub) refuseOtherAccounts(client, id, own, noHubNextStep(accountInRules(id)))
    return client
  }
  const iam = memoizeByKey((id) => open(id, SETTINGS))
  // No retries by the SDK: the write queue repeats calls, and must learn at once that AWS throttles.
  const writer = memoizeByKey((id) => open(id, { ...SETTINGS, maxAttempts: 1 }))
  const writeQueue = memoizeByKey((_id) => iamWriteQueue())
  const s3 = memoizeByKey((accountRegion) => new S3Client({ ...SETTINGS, ...settingsFor(accountRegion) }))
  const kms = memoizeByKey((accountRegion) => new KMSClient({ ...SETTINGS, ...settingsFor(accountRegion) }))

  /** @param accountRegion Account and region with a space between them. */
  function settingsFor(accountRegion: string) {
    const [id = '', region = ''] = accountRegion.split(' ')
    findAccount(accounts, id)
    return { region, ...credentials(id) }
  }

  return {
    iam,
    sts,
    s3: (id, region) => s3(`${id} ${region}`),
    kms: (id, region) => kms(`${id} ${region}`),
    writeIam: (id, urgency, call) => writeQueue(id).write(urgency, () => call(writer(id))),
  }
}

/** The account of the process's own credentials. It is read once; after a failure it is read again. */
function ownAccount(sts: STSClient, log: AwsLog): () => Promise<string> {
  const callText = { doing: 'to say who Latchkey is', next: 'Have the operator see that AWS knows its credentials.' }
  return remember(async () => (await askAws(callText, log, () => readIdentity(sts))).account)
}

/**
 * Refuses every call of a client without a hub that is meant for another account than the process's own. IAM calls name
 * roles without their account, so they would reach the role of the same name in the wrong account.
 */
function refuseOtherAccounts(client: IAMClient, account: string, own: () => Promise<string>, nextStep: string): void {
  client.middlewareStack.add(
    (next) => async (args) => {
      if ((await own()) === account) return await next(args)
      throw new LatchkeyError('AWS_REFUSED', {
        doing: `access to account ${account}`,
        awsCode: 'NoHub',
        next: nextStep,
        by: 'Latchkey',
      })
    },
    { step: 'initialize', name: 'refuseOtherAccounts' },
  )
}

function noHubNextStep(account: Account | undefined): string {
  return account === undefined
    ? 'The rules do not name it any more. Have the operator put it back into the rules, with its hub, until no grant is live there.'
    : 'Latchkey does not run in that account, and the rules name no hub for it. Have the operator add one.'
}

/** One value for each key, made when it is first asked for. */
function memoizeByKey<T>(make: (key: string) => T): (key: string) => T {
  const made = new Map<string, { readonly one: T }>()
  return (key) => {
    const entry = made.get(key) ?? { one: make(key) }
    made.set(key, entry)
    return entry.one
  }
}

function iamClient(settings: IAMClientConfig): IAMClient {
  const iam = new IAMClient({ ...settings, region: IAM_REGION })
  iam.middlewareStack.add(
    (next) => async (args) => {
      try {
        return await next(args)
      } catch (error) {
        throw renameQuotaError(error)
      }
    },
    // Priority `low` runs inside the SDK's retries, which have priority `high`.
    { step: 'finalizeRequest', priority: 'low', name: 'renameQuotaError' },
  )
  return iam
}

/**
 * IAM reports a full quota as `LimitExceededException`, which the SDK takes for throttling and retries. The name on the
 * wire, `LimitExceeded`, prevents that.
 */
function renameQuotaError(error: unknown): unknown {
  if (error instanceof Error && error.name === 'LimitExceededException') error.name = 'LimitExceeded'
  return error
}
