import { IAMClient } from '@aws-sdk/client-iam'
import { S3Client } from '@aws-sdk/client-s3'
import { awsDriver } from '../../src/aws/aws-driver.ts'
import type { Part } from '../../src/aws/hub-role.ts'
import type { Driver, GrantDraft, GrantOrder, SessionPrincipal } from '../../src/grants/driver.ts'
import type { Account, Bucket } from '../../src/rules/rules-file.ts'
import { endIn } from '../contract/driver.contract.ts'
import { type SandboxAws, startAws } from '../sandbox/aws/index.ts'
import { addKey, defaultKeyPolicy } from '../sandbox/aws/kms/keys.ts'
import type { SeededLatchkey } from '../sandbox/aws/seed.ts'
import { useAws } from './use-aws.ts'

export const HOME = '111122223333'
export const OTHER = '222233334444'
export const EXTERNAL_ID = 'a-text-of-this-account-only'
export const REGION = 'eu-west-1'

/** An installation in one account that serves another one too, each with a bucket and a copy of its elevation role. */
export interface TwoAccounts {
  readonly aws: SandboxAws
  readonly home: SeededLatchkey
  readonly other: SeededLatchkey
  readonly accounts: Map<string, Account>
  readonly buckets: Map<string, Bucket>
  /** ARN of a key of the first account, that its documents name. */
  readonly kmsKey: string
  readonly logged: unknown[]
  /** A process of its own: nothing that another one remembers is known to it. */
  driver(part: Part): Driver
  draft(account: string, more?: Partial<GrantDraft>): GrantDraft
  order(principal: SessionPrincipal, more?: Partial<GrantOrder>): GrantOrder
  /** Clients of an owner of one of the accounts. */
  owner(account: string): { readonly iam: IAMClient; readonly s3: S3Client }
  count(action: string): number
  stop(): Promise<void>
}

export async function twoAccounts(): Promise<TwoAccounts> {
  const aws = await startAws({ account: HOME, region: REGION })
  const kmsKey = keyOf(aws)
  const home = aws.seedLatchkey({
    kmsKeys: [kmsKey],
    buckets: [{ name: 'finance-reports' }],
    copies: 2,
    accounts: [{ id: OTHER, copies: 2 }],
  })
  const externalId = EXTERNAL_ID
  const other = aws.seedLatchkey(
    { buckets: [{ name: 'lab-data' }], copies: 2, home: { account: HOME, externalId } },
    OTHER,
  )
  const elevationRole = 'latchkey/prod'
  const hub = { role: 'latchkey/hub', reader: 'latchkey/hub-reader', externalId }
  const accounts = new Map<string, Account>([
    ['prod', { name: 'prod', id: HOME, elevationRole, copies: 2 }],
    ['lab', { name: 'lab', id: OTHER, elevationRole, copies: 2, hub }],
  ])
  const bucket = (name: string, account: string) => ({ bucket: name, account, region: REGION, owners: [] })
  const buckets = new Map<string, Bucket>([
    ['finance-reports', bucket('finance-reports', 'prod')],
    ['lab-data', bucket('lab-data', 'lab')],
  ])
  const logged: unknown[] = []
  const log = { warn: (...line: unknown[]) => void logged.push(line) }
  const clients: (IAMClient | S3Client)[] = []
  const kept = <T extends IAMClient | S3Client>(client: T): T => {
    clients.push(client)
    return client
  }
  const draft: TwoAccounts['draft'] = (account, more) => ({
    account,
    grantId: 'g-000000000001',
    requester: '0b6f2a34-7d0e-4f7c-9a55-1c1f0f9d2a10',
    scopes: [{ bucket: account === HOME ? 'finance-reports' : 'lab-data', key: '2026/' }],
    levels: ['read', 'write'],
    ...more,
  })
  const now = { now: () => aws.clock.now() }
  return {
    aws,
    home,
    other,
    accounts,
    buckets,
    kmsKey,
    logged,
    driver(part) {
      useAws(aws.url, home.keys[part])
      return awsDriver({ accounts, buckets, principals: new Map(), part, log })
    },
    draft,
    order: (principal, more) => ({
      ...draft(principal.account),
      principal,
      startsAt: endIn(now, -1),
      endsAt: endIn(now, 30),
      ...more,
    }),
    owner(account) {
      const { owner } = (account === HOME ? home : other).keys
      const settings = { endpoint: aws.url, credentials: owner }
      return {
        iam: kept(new IAMClient({ ...settings, region: 'us-east-1' })),
        s3: kept(new S3Client({ ...settings, region: REGION, forcePathStyle: true })),
      }
    },
    count: (action) => aws.journal.entries().filter((entry) => entry.action === action).length,
    async stop() {
      for (const client of clients) client.destroy()
      await aws.stop()
    },
  }
}

function keyOf({ state, clock }: SandboxAws): string {
  const policy = defaultKeyPolicy(HOME)
  return addKey(state, clock.now(), { region: REGION, description: '', manager: 'CUSTOMER', policy }).arn
}
