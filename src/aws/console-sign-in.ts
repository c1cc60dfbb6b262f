import { z } from 'zod'
import { LatchkeyError } from '../errors.ts'
import type { ConsoleLinks } from '../grants/credentials/console-sign-in.ts'
import type { Credentials } from '../grants/driver.ts'
import type { Rules } from '../rules/rules.ts'
import type { Scope } from '../rules/scope.ts'
import type { AwsLog } from './aws-error.ts'
import { regionOf } from './region-of.ts'

export interface ConsoleDeps {
  /** Undefined: AWS's own, of the bucket's partition. */
  readonly url: string | undefined
  /** Where people are sent when the console signs them out. */
  readonly issuer: string
  readonly buckets: Rules['buckets']
  readonly log: AwsLog
}

const TIMEOUT_MS = 5_000
const DOING = 'a sign-in to its console'

interface Partition {
  readonly signIn: string
  readonly console: string
}

/** AWS's partitions keep to themselves: each has a sign-in and a console of its own. */
export function partitionOf(region: string): Partition {
  if (region.startsWith('cn-'))
    return { signIn: 'https://signin.amazonaws.cn/federation', console: 'https://console.amazonaws.cn' }
  if (region.startsWith('us-gov-'))
    return {
      signIn: 'https://signin.amazonaws-us-gov.com/federation',
      console: 'https://console.amazonaws-us-gov.com',
    }
  return { signIn: 'https://signin.aws.amazon.com/federation', console: 'https://console.aws.amazon.com' }
}

/**
 * "Enabling custom identity broker access to the AWS console" (IAM User Guide). Without SessionDuration: AWS refuses one where Latchkey itself
 * came in through a role, and the console lasts as long as the credentials.
 */
export function consoleSignIn(deps: ConsoleDeps): ConsoleLinks {
  return {
    async open(credentials, scope) {
      const region = regionOf(deps.buckets, scope)
      const partition = partitionOf(region)
      const endpoint = deps.url ?? partition.signIn
      const token = await signInToken(endpoint, deps.log, credentials)
      const destination = destinationOf(partition.console, region, scope)
      return withQuery(endpoint, {
        Action: 'login',
        Issuer: deps.issuer,
        Destination: destination,
        SigninToken: token,
      })
    },
  }
}

function withQuery(url: string, query: Readonly<Record<string, string>>): string {
  return `${url}?${new URLSearchParams(query)}`
}

/** The bucket at the prefix, or the one object. */
function destinationOf(console: string, region: string, { bucket, key }: Scope): string {
  const kind = key === '' || key.endsWith('/') ? 'buckets' : 'object'
  return withQuery(`${console}/s3/${kind}/${bucket}`, { region, ...(key === '' ? {} : { prefix: key }) })
}

const answer = z.object({ SigninToken: z.string().min(1) })

function read(address: string): Promise<Response> {
  return fetch(address, { redirect: 'error', signal: AbortSignal.timeout(TIMEOUT_MS) })
}

/** The address holds the credentials, and so may any error about it: none is kept or logged. */
async function signInToken(endpoint: string, log: AwsLog, credentials: Credentials): Promise<string> {
  const { accessKeyId, secretAccessKey, sessionToken } = credentials
  const session = JSON.stringify({ sessionId: accessKeyId, sessionKey: secretAccessKey, sessionToken })
  const address = withQuery(endpoint, { Action: 'getSigninToken', Session: session })
  const response = await read(address).catch(() => undefined)
  const body: unknown = await response?.json().catch(() => undefined)
  const parsed = answer.safeParse(body)
  if (response?.ok && parsed.success) return parsed.data.SigninToken
  log.warn({ doing: DOING, status: response?.status }, 'AWS did not do what it was asked')
  if (!response || response.ok || response.status === 429 || response.status >= 500) {
    throw new LatchkeyError('UNAVAILABLE', { what: 'AWS', retryAfterSeconds: 10 })
  }
  throw new LatchkeyError('AWS_REFUSED', {
    doing: DOING,
    awsCode: `HTTP ${response.status}`,
    next: 'Work from your terminal with `latchkey profile`, and tell the operator.',
  })
}
