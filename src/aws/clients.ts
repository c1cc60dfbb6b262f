import { IAMClient } from '@aws-sdk/client-iam'
import { STSClient } from '@aws-sdk/client-sts'

/** The SDK's own environment gives endpoint and credentials. Its default has no time-out for a request at all. */
const SETTINGS = {
  maxAttempts: 3,
  retryMode: 'standard',
  requestHandler: { connectionTimeout: 2_000, requestTimeout: 5_000, throwOnRequestTimeout: true },
} as const

export interface AwsClients {
  readonly iam: IAMClient
  /** STS of a bucket's own region: it answers when another region does not. */
  sts(region: string): STSClient
}

export function awsClients(): AwsClients {
  const byRegion = new Map<string, STSClient>()
  // There is one IAM control plane; it signs as us-east-1.
  const iam = new IAMClient({ ...SETTINGS, region: 'us-east-1' })
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
  return {
    iam,
    sts(region) {
      const client = byRegion.get(region) ?? new STSClient({ ...SETTINGS, region })
      byRegion.set(region, client)
      return client
    },
  }
}

/** The SDK takes this name for throttling, waits and repeats; IAM means a quota by it. Its name on the wire is the shorter one. */
function quotaIsNotThrottling(error: unknown): unknown {
  if (error instanceof Error && error.name === 'LimitExceededException') error.name = 'LimitExceeded'
  return error
}
