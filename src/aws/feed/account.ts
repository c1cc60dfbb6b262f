import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import type { AwsLog } from '../aws-error.ts'
import { askFor } from '../region-clients.ts'

/** Whom AWS takes us for. */
export interface Account {
  readonly id: string
  readonly partition: string
  readonly arn: string
}

export async function readAccount(region: string, log: AwsLog): Promise<Account> {
  const sts = new STSClient({ region })
  try {
    const told = await askFor({ log }, 'to say who you are', () => sts.send(new GetCallerIdentityCommand({})))
    const arn = told.Arn ?? ''
    return { id: told.Account ?? '', partition: arn.split(':')[1] ?? 'aws', arn }
  } finally {
    sts.destroy()
  }
}
