import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import type { AwsLog } from '../aws-error.ts'
import { askFor } from '../region-clients.ts'

/** The account and identity of the credentials in use (GetCallerIdentity). */
export interface Account {
  /** Twelve digits. */
  readonly id: string
  /** `aws`, `aws-us-gov`, `aws-cn`. */
  readonly partition: string
  readonly arn: string
}

export async function readAccount(region: string, log: AwsLog): Promise<Account> {
  const sts = new STSClient({ region })
  try {
    const response = await askFor({ log }, 'to say who you are', () => sts.send(new GetCallerIdentityCommand({})))
    const arn = response.Arn ?? ''
    return { id: response.Account ?? '', partition: arn.split(':')[1] ?? 'aws', arn }
  } finally {
    sts.destroy()
  }
}
