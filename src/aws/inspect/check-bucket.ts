import { performance } from 'node:perf_hooks'
import { LatchkeyError } from '../../errors.ts'
import type { GrantDraft, GrantOrder } from '../../grants/driver.ts'
import type { Principal } from '../../grants/principal.ts'
import { ACTIONS } from '../../rules/levels.ts'
import type { Account, Bucket, Rules } from '../../rules/rules.ts'
import { type AwsLog, askAws } from '../aws-error.ts'
import type { AwsClients } from '../clients.ts'
import { findAccount, findBucket } from '../find-in-rules.ts'
import { type BucketFacts, readBucket } from './bucket-facts.ts'
import { findBypasses } from './bucket-policy-bypass.ts'
import { type Asked, bucketWarnings } from './bucket-policy-warnings.ts'

export interface BucketDeps extends Pick<Rules, 'accounts' | 'buckets'> {
  readonly clients: AwsClients
  readonly log: AwsLog
}

/** A card has room for so many. */
const MOST_WARNINGS = 3
/** How long what was read of a bucket in order is taken for true: several people may ask at once. */
const REMEMBERED_MS = 60_000

export interface BucketPreflight {
  /** @throws AWS_REFUSED when the bucket is not what the rules say, or Latchkey may not see whether it is. */
  read(draft: GrantDraft): Promise<BucketFacts>
  /** Sentences for the requester. @throws AWS_REFUSED when the bucket's policy gives a principal more than Latchkey can end. */
  judge(facts: BucketFacts, draft: GrantDraft, principals: readonly Principal[]): readonly string[]
  /** As it is now: since the ask somebody may have changed its policy. That it cannot be read refuses nothing. @throws AWS_REFUSED as `judge` */
  refuseBypass(order: GrantOrder): Promise<void>
}

type Remembered = Map<string, { readonly facts: BucketFacts; readonly atMs: number }>

/** Reads what the bucket of a draft is like, before anybody is asked. A refusal is never remembered. */
export function bucketPreflight(deps: BucketDeps): BucketPreflight {
  const remembered: Remembered = new Map()
  const read = (draft: GrantDraft) => readOnce(deps, remembered, draft)
  const judge: BucketPreflight['judge'] = (facts, draft, principals) => {
    const bucket = draft.scopes[0]?.bucket ?? ''
    const faults = faultsOf(facts, principals)
    if (faults.length === 0) return warningsOf(facts, draft, principals)
    remembered.delete(bucket)
    throw notInOrder(deps.log, bucket, faults)
  }
  return {
    read,
    judge,
    async refuseBypass({ principal, ...order }) {
      const draft = { ...order, account: principal.account }
      const facts = await unlessUnreadable(deps.log, draft, () => read(draft))
      if (facts) judge(facts, draft, [principal])
    },
  }
}

async function readOnce(deps: BucketDeps, remembered: Remembered, draft: GrantDraft): Promise<BucketFacts> {
  const bucket = findBucket(deps.buckets, draft.scopes)
  const known = remembered.get(bucket.bucket)
  if (known && performance.now() - known.atMs < REMEMBERED_MS) return known.facts
  const atMs = performance.now()
  const facts = await readInOrder(deps, findAccount(deps.accounts, draft.account), bucket)
  remembered.set(bucket.bucket, { facts, atMs })
  return facts
}

/** It was read before anybody was asked. */
async function unlessUnreadable<T>(
  log: AwsLog,
  { grantId }: GrantDraft,
  read: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await read()
  } catch (error) {
    if (!(error instanceof LatchkeyError)) throw error
    log.warn({ grantId, code: error.code }, 'activation could not look at the bucket again')
    return undefined
  }
}

async function readInOrder(deps: BucketDeps, account: Account, bucket: Bucket): Promise<BucketFacts> {
  const asking = {
    doing: `to show bucket ${bucket.bucket}`,
    next: `Have the operator see that it is there, belongs to account ${account.name}, and lets Latchkey read its location, encryption and policy.`,
  }
  const s3 = deps.clients.s3(account.id, bucket.region)
  const kms = deps.clients.kms(account.id, bucket.region)
  const facts = await askAws(asking, deps.log, () => readBucket({ s3, kms, log: deps.log }, account, bucket))
  if (facts.faults.length > 0) throw notInOrder(deps.log, bucket.bucket, facts.faults)
  return facts
}

function faultsOf({ policy, attachFaults }: BucketFacts, principals: readonly Principal[]): readonly string[] {
  const attached = principals.some(({ driver }) => driver === 'attach') ? attachFaults : []
  const bypasses = policy === undefined ? [] : principals.flatMap((principal) => findBypasses(policy, principal))
  return [...attached, ...bypasses]
}

function warningsOf({ policy }: BucketFacts, draft: GrantDraft, principals: readonly Principal[]): readonly string[] {
  if (policy === undefined) return []
  const bucket = draft.scopes[0]?.bucket ?? ''
  const warnings = principals.flatMap((principal) => bucketWarnings(policy, bucket, askedOf(draft, principal)))
  return [...new Set(warnings)].slice(0, MOST_WARNINGS)
}

function askedOf({ levels, scopes }: GrantDraft, principal: Principal): Asked {
  const acts = levels.flatMap((level) => [...ACTIONS[level].object, ...ACTIONS[level].list, ...ACTIONS[level].bucket])
  // `s3://b/P/` reaches names below it: one of them stands for all.
  const objects = scopes.map(
    ({ bucket, key }) => `arn:aws:s3:::${bucket}/${key === '' || key.endsWith('/') ? `${key}x` : key}`,
  )
  const buckets = scopes.map(({ bucket }) => `arn:aws:s3:::${bucket}`)
  return { principal, actions: [...new Set(acts)], resources: [...objects, ...buckets] }
}

/** The faults name keys and roles of others, so they are for the operator alone. */
function notInOrder(log: AwsLog, bucket: string, faults: readonly string[]): LatchkeyError {
  log.warn({ bucket, faults }, 'the bucket is not in order')
  return new LatchkeyError('AWS_REFUSED', {
    doing: `access to bucket ${bucket}`,
    awsCode: 'BucketNotInOrder',
    next: `Bucket ${bucket} is not as the rules say, or lets others in. The operator's log says how.`,
    by: 'Latchkey',
  })
}
