import { GetCallerIdentityCommand, type STSClient } from '@aws-sdk/client-sts'
import { z } from 'zod'
import { LatchkeyError } from '../errors.ts'

const MAX_SKEW_MS = 60_000
const answer = z.object({ headers: z.record(z.string(), z.string()) })

/** The `Date` header of AWS's last answer to one command; refusals have it too. */
export interface AwsDate {
  /** Milliseconds since 1970. NaN: there was no answer, or it had no date. */
  ms: number
}

/** Runs inside the SDK's deserializer, which throws on a refusal, so the refusal's answer is seen too. */
export const AT_THE_WIRE = { step: 'deserialize', priority: 'low', name: 'watchDate' } as const

export function watchDate(seen: AwsDate) {
  return <A, R extends { readonly response: unknown }>(next: (args: A) => Promise<R>) =>
    async (args: A): Promise<R> => {
      const result = await next(args)
      seen.ms = Date.parse(answer.safeParse(result.response).data?.headers.date ?? '')
      return result
    }
}

/**
 * We plan a grant's end by our clock and AWS enforces it by its own. With clocks too far apart a grant would not end
 * when approved.
 * @throws AWS_REFUSED when they differ by more than 60 s, or the answer had no date
 */
export function refuseSkew(date: AwsDate, expectedMs: number): void {
  const skewMs = date.ms - expectedMs
  if (Math.abs(skewMs) <= MAX_SKEW_MS) return
  throw new LatchkeyError('AWS_REFUSED', {
    doing: 'to confirm the time',
    awsCode: 'ClockSkew',
    next: Number.isNaN(skewMs)
      ? 'Its answer carried no time. Nothing was granted.'
      : `Its clock is ${Math.round(Math.abs(skewMs) / 1_000)} seconds ${skewMs > 0 ? 'ahead of' : 'behind'} Latchkey's. Nothing was granted; have the operator set the clock right.`,
  })
}

export interface Identity {
  /** ARN of the IAM role or user as which this process runs. */
  readonly arn: string
  /** Twelve digits. */
  readonly account: string
  readonly date: AwsDate
}

export async function readIdentity(sts: STSClient): Promise<Identity> {
  const command = new GetCallerIdentityCommand({})
  const date = { ms: Number.NaN }
  command.middlewareStack.add(watchDate(date), AT_THE_WIRE)
  const { Arn = '', Account = '' } = await sts.send(command)
  return { arn: iamArn(Arn), account: Account, date }
}

/**
 * @example iamArn('arn:aws:sts::111122223333:assumed-role/latchkey-web/i-0123') // "arn:aws:iam::111122223333:role/latchkey-web"
 */
function iamArn(arn: string): string {
  return arn.replace(/^(arn:[\w-]+):sts::(\d{12}):assumed-role\/([^/]+)\/.*$/, '$1:iam::$2:role/$3')
}
