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

/** A card has room for three. */
const MAX_WARNINGS = 3
/** Facts about a bucket without faults are reused for this time, because several people may ask at once. */
const CACHE_MS = 60_000

export interface BucketPreflight {
  /** Reads the bucket. @throws AWS_REFUSED when it is not as the rules say, or Latchkey may not read it */
  read(draft: GrantDraft): Promise<BucketFacts>
  /**
   * @returns warnings, as sentences for the requester
   * @throws AWS_REFUSED when the bucket policy gives a principal access that Latchkey cannot end
   */
  judge(facts: BucketFacts, draft: GrantDraft, principals: readonly Principal[]): readonly string[]
  /**
   * Judges the bucket again at activation, because its policy may have changed since the request. A bucket that cannot
   * be read refuses nothing.
   * @throws AWS_REFUSED as `judge`
   */
  refuseBypass(order: GrantOrder): Promise<void>
}

type FactsCache = Map<string, { readonly facts: BucketFacts; readonly atMs: number }>

/** Checks the bucket of a draft before an approver sees the request. Refusals are not cached. */
export function bucketPreflight(deps: BucketDeps): BucketPreflight {
  const cache: FactsCache = new Map()
  const read = (draft: GrantDraft) => readOnce(deps, cache, draft)
  const judge: BucketPreflight['judge'] = (facts, draft, principals) => {
    const bucket = draft.scopes[0]?.bucket ?? ''
    const faults = faultsOf(facts, principals)
    if (faults.length === 0) return warningsOf(facts, draft, principals)
    cache.delete(bucket)
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

async function readOnce(deps: BucketDeps, cache: FactsCache, draft: GrantDraft): Promise<BucketFacts> {
  const bucket = findBucket(deps.buckets, draft.scopes)
  const cached = cache.get(bucket.bucket)
  if (cached && performance.now() - cached.atMs < CACHE_MS) return cached.facts
  const atMs = performance.now()
  const facts = await readInOrder(deps, findAccount(deps.accounts, draft.account), bucket)
  cache.set(bucket.bucket, { facts, atMs })
  return facts
}

/** An unreadable bucket is no reason to refuse an activation: preflight has already read it for the request. */
async function unlessUnreadable<T>(
  log: AwsLog,
  { grantId }: GrantDraft,
  read: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await read()
  } catch (error) {
    if (!(error instanceof LatchkeyError)) throw error
    log.warn({ grantId, code: error.code }, 'activation could not read the bucket again')
    return undefined
  }
}

async function readInOrder(deps: BucketDeps, account: Account, bucket: Bucket): Promise<BucketFacts> {
  const callText = {
    doing: `to show bucket ${bucket.bucket}`,
    next: `Have the operator see that it is there, belongs to account ${account.name}, and lets Latchkey read its location, encryption and policy.`,
  }
  const s3 = deps.clients.s3(account.id, bucket.region)
  const kms = deps.clients.kms(account.id, bucket.region)
  const facts = await askAws(callText, deps.log, () => readBucket({ s3, kms, log: deps.log }, account, bucket))
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
  return [...new Set(warnings)].slice(0, MAX_WARNINGS)
}

function askedOf({ levels, scopes }: GrantDraft, principal: Principal): Asked {
  const actions = levels.flatMap((level) => [
    ...ACTIONS[level].object,
    ...ACTIONS[level].list,
    ...ACTIONS[level].bucket,
  ])
  // The scope `s3://b/P/` contains the objects below it; `P/x` represents them.
  const objects = scopes.map(
    ({ bucket, key }) => `arn:aws:s3:::${bucket}/${key === '' || key.endsWith('/') ? `${key}x` : key}`,
  )
  const buckets = scopes.map(({ bucket }) => `arn:aws:s3:::${bucket}`)
  return { principal, actions: [...new Set(actions)], resources: [...objects, ...buckets] }
}

/** The faults name other people's keys and roles, so only the operator's log shows them. */
function notInOrder(log: AwsLog, bucket: string, faults: readonly string[]): LatchkeyError {
  log.warn({ bucket, faults }, 'the bucket is not as the rules say, or its policy bypasses grants')
  return new LatchkeyError('AWS_REFUSED', {
    doing: `access to bucket ${bucket}`,
    awsCode: 'BucketNotInOrder',
    next: `Bucket ${bucket} is not as the rules say, or lets others in. The operator's log says how.`,
    by: 'Latchkey',
  })
}
