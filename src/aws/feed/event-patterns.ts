import { LatchkeyError } from '../../errors.ts'
import { SELF_TEST } from '../../oversight/feed-self-test.ts'
import type { FeedRegion } from '../regions.ts'

/** Static rules: none is made for a grant, so that none is late for one, and nothing that runs may write rules. */

export interface WantedRule {
  readonly name: string
  readonly description: string
  /** JSON. */
  readonly pattern: string
}

/** "Amazon EventBridge quotas". */
const LONGEST_PATTERN = 2_048
const TRAIL_TYPES = ['AWS API Call via CloudTrail', 'AWS Service Event via CloudTrail']
/** Nothing can be read before the upload is complete. */
const PARTS = ['UploadPart', 'UploadPartCopy', 'CreateMultipartUpload']
const S3_RULE = 'latchkey-s3'

/** By this a rule in the account is known for one of ours. */
export const OUR_RULES = /^latchkey-(s3(-\d+)?|sessions|assume-role|policies|self-test)$/

/** @param ours ARNs of Latchkey's own identities, which may enter elevation roles and write their policies. */
export function eventRules(place: FeedRegion, ours: readonly string[]): readonly WantedRule[] {
  return [
    ...writesByBucket(place),
    rule('latchkey-sessions', 'every call by an elevation role', sessionCalls(place)),
    rule('latchkey-assume-role', 'elevation roles entered by anyone but Latchkey', entered(place, ours)),
    ...(place.isOfIam
      ? [
          rule(
            'latchkey-policies',
            'policies of elevation roles and grants changed by anyone else',
            changed(place, ours),
          ),
        ]
      : []),
    rule('latchkey-self-test', 'what `latchkey aws setup` sends to see whether it arrives', { source: [SELF_TEST] }),
  ]
}

function rule(name: string, what: string, pattern: object): WantedRule {
  const text = JSON.stringify(pattern)
  if (text.length <= LONGEST_PATTERN) return { name, description: `Latchkey: ${what}`, pattern: text }
  const quota = `The event pattern of the rule ${name}, ${LONGEST_PATTERN} characters,`
  throw new LatchkeyError('QUOTA_FULL', { quota, next: 'Give the account fewer copies of its elevation role.' })
}

/** Several rules where one pattern does not hold the names of all buckets. */
function writesByBucket({ buckets }: FeedRegion): readonly WantedRule[] {
  const groups: string[][] = []
  for (const bucket of buckets) {
    const last = groups.at(-1)
    if (last && JSON.stringify(writesTo([...last, bucket])).length <= LONGEST_PATTERN) last.push(bucket)
    else groups.push([bucket])
  }
  return groups.map((names, index) => {
    const name = index === 0 ? S3_RULE : `${S3_RULE}-${index + 1}`
    return rule(name, 'writes to the buckets of the rules, and what was refused there', writesTo(names))
  })
}

function writesTo(buckets: readonly string[]): object {
  return {
    source: ['aws.s3'],
    'detail-type': TRAIL_TYPES,
    detail: {
      eventSource: ['s3.amazonaws.com'],
      requestParameters: { bucketName: buckets },
      eventName: [{ 'anything-but': PARTS }],
      $or: [{ readOnly: [false] }, { errorCode: ['AccessDenied'] }],
    },
  }
}

/** Without the writes that come by bucket. What comes by both rules is counted once. */
function sessionCalls({ elevationRoles }: FeedRegion): object {
  return {
    'detail-type': TRAIL_TYPES,
    detail: {
      userIdentity: { sessionContext: { sessionIssuer: { arn: elevationRoles } } },
      $or: [
        { eventSource: [{ 'anything-but': ['s3.amazonaws.com'] }] },
        { readOnly: [true] },
        { eventCategory: ['Management'] },
        { errorCode: ['AccessDenied'] },
      ],
    },
  }
}

function entered({ elevationRoles }: FeedRegion, ours: readonly string[]): object {
  const call = { eventName: [{ prefix: 'AssumeRole' }], requestParameters: { roleArn: elevationRoles } }
  return { source: ['aws.sts'], 'detail-type': TRAIL_TYPES, detail: { ...call, ...byOthers(ours) } }
}

function changed({ elevationRoles, partition, accountId }: FeedRegion, ours: readonly string[]): object {
  const roleName = elevationRoles.map((arn) => arn.slice(arn.lastIndexOf('/') + 1))
  const policyArn = [{ prefix: `arn:${partition}:iam::${accountId}:policy/latchkey` }]
  const subjects = [{ roleName }, { policyName: [{ prefix: 'latchkey' }] }, { policyArn }]
  return {
    source: ['aws.iam'],
    'detail-type': TRAIL_TYPES,
    detail: {
      readOnly: [false],
      userIdentity: othersThan(ours),
      $or: subjects.map((requestParameters) => ({ requestParameters })),
    },
  }
}

/** Of a caller from another account CloudTrail tells that account and no ARN ("CloudTrail userIdentity element", AWSAccount). */
function byOthers(ours: readonly string[]): object {
  const accounts = [...new Set(ours.flatMap((arn) => arn.split(':')[4] ?? []))]
  if (accounts.length === 0) return {}
  const foreign = { arn: [{ exists: false }], accountId: [{ 'anything-but': accounts }] }
  return { $or: [{ userIdentity: othersThan(ours) }, { userIdentity: foreign }] }
}

function othersThan(ours: readonly string[]): object {
  if (ours.length === 0) return { arn: [{ exists: true }] }
  return { arn: [{ 'anything-but': { wildcard: ours.map(callerPattern) } }] }
}

/** As CloudTrail names the caller: a role by its sessions, without path. */
function callerPattern(arn: string): string {
  return arn.replace(/^(arn:[\w-]+):iam::(\d{12}):role\/(?:.*\/)?([^/]+)$/, '$1:sts::$2:assumed-role/$3/*')
}
