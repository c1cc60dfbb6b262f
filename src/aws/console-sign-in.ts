import { z } from 'zod'
import { LatchkeyError } from '../errors.ts'
import type { ConsoleLinks } from '../grants/credentials/console-sign-in.ts'
import type { Credentials } from '../grants/driver.ts'
import type { Rules } from '../rules/rules.ts'
import type { Scope } from '../rules/scope.ts'
import type { AwsLog } from './aws-error.ts'
import { regionOf } from './region-of.ts'

export interface ConsoleDeps {
  /** Address of AWS's federation endpoint. Undefined: the public one of the bucket's partition. */
  readonly url: string | undefined
  /** Address to which the console sends people when their session is over. */
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

/** The addresses of the region's partition: each partition has its own sign-in and console. */
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
 * Source: "Enabling custom identity broker access to the AWS console" (IAM User Guide). It sends no SessionDuration:
 * AWS refuses one when Latchkey itself runs as a role, and without it the console session lasts as long as the
 * credentials.
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

/** The console's page of the prefix, or of the one object. */
function destinationOf(console: string, region: string, { bucket, key }: Scope): string {
  const kind = key === '' || key.endsWith('/') ? 'buckets' : 'object'
  return withQuery(`${console}/s3/${kind}/${bucket}`, { region, ...(key === '' ? {} : { prefix: key }) })
}

const answer = z.object({ SigninToken: z.string().min(1) })

function getResponse(address: string): Promise<Response> {
  return fetch(address, { redirect: 'error', signal: AbortSignal.timeout(TIMEOUT_MS) })
}

/** The address contains the credentials, so errors of `fetch`, which may quote it, are neither logged nor passed on. */
async function signInToken(endpoint: string, log: AwsLog, credentials: Credentials): Promise<string> {
  const { accessKeyId, secretAccessKey, sessionToken } = credentials
  const session = JSON.stringify({ sessionId: accessKeyId, sessionKey: secretAccessKey, sessionToken })
  const address = withQuery(endpoint, { Action: 'getSigninToken', Session: session })
  const response = await getResponse(address).catch(() => undefined)
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
