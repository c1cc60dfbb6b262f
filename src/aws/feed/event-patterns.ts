import { LatchkeyError } from '../../errors.ts'
import { SELF_TEST } from '../../oversight/feed-self-test.ts'
import type { FeedRegion } from '../regions.ts'
import { FEED, type RuleConstants } from './feed-constants.ts'

/**
 * EventBridge rules are static. A rule per grant could come too late for the grant, and Latchkey's processes would need
 * the right to write rules.
 */

export interface DesiredRule {
  readonly name: string
  readonly description: string
  /** The event pattern, as JSON. */
  readonly pattern: string
}

/** Characters of an event pattern ("Amazon EventBridge quotas"). */
const MAX_PATTERN_CHARACTERS = 2_048

/** Names of rules that Latchkey makes. A rule with such a name counts as Latchkey's own. */
export const LATCHKEY_RULES = /^latchkey-(s3(-\d+)?|sessions|assume-role|policies|self-test)$/

/** @param latchkeyArns ARNs of Latchkey's own identities, which may enter elevation roles and write their policies. */
export function eventRules(feedRegion: FeedRegion, latchkeyArns: readonly string[]): readonly DesiredRule[] {
  return [
    ...writeRules(feedRegion),
    rule(FEED.rules.sessions, sessionCallPattern(feedRegion)),
    rule(FEED.rules.assumeRole, roleEntryPattern(feedRegion, latchkeyArns)),
    ...(feedRegion.isOfIam ? [rule(FEED.rules.policies, policyChangePattern(feedRegion, latchkeyArns))] : []),
    rule(FEED.rules.selfTest, { source: [SELF_TEST] }),
  ]
}

function rule({ name, description }: RuleConstants, pattern: object): DesiredRule {
  const text = JSON.stringify(pattern)
  if (text.length <= MAX_PATTERN_CHARACTERS) return { name, description: `Latchkey: ${description}`, pattern: text }
  const quota = `The event pattern of the rule ${name}, ${MAX_PATTERN_CHARACTERS} characters,`
  throw new LatchkeyError('QUOTA_FULL', { quota, next: 'Give the account fewer copies of its elevation role.' })
}

/** One rule, or several when the names of all buckets do not fit into one pattern. */
function writeRules({ buckets }: FeedRegion): readonly DesiredRule[] {
  const groups: string[][] = []
  for (const bucket of buckets) {
    const last = groups.at(-1)
    if (last && JSON.stringify(writePattern([...last, bucket])).length <= MAX_PATTERN_CHARACTERS) last.push(bucket)
    else groups.push([bucket])
  }
  return groups.map((names, index) => {
    const { name, description } = FEED.rules.s3
    return rule({ name: index === 0 ? name : `${name}-${index + 1}`, description }, writePattern(names))
  })
}

function writePattern(buckets: readonly string[]): object {
  return {
    source: ['aws.s3'],
    'detail-type': FEED.trailTypes,
    detail: {
      eventSource: ['s3.amazonaws.com'],
      requestParameters: { bucketName: buckets },
      eventName: [{ 'anything-but': FEED.incompleteUploads }],
      $or: [{ readOnly: [false] }, { errorCode: ['AccessDenied'] }],
    },
  }
}

/**
 * Calls of elevation roles, except writes, which `latchkey-s3` reports. A record that both rules report is counted
 * once.
 */
function sessionCallPattern({ elevationRoles }: FeedRegion): object {
  return {
    'detail-type': FEED.trailTypes,
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

function roleEntryPattern({ elevationRoles }: FeedRegion, latchkeyArns: readonly string[]): object {
  const call = { eventName: [{ prefix: 'AssumeRole' }], requestParameters: { roleArn: elevationRoles } }
  return { source: ['aws.sts'], 'detail-type': FEED.trailTypes, detail: { ...call, ...callerIsNot(latchkeyArns) } }
}

function policyChangePattern(
  { elevationRoles, partition, accountId }: FeedRegion,
  latchkeyArns: readonly string[],
): object {
  const roleName = elevationRoles.map((arn) => arn.slice(arn.lastIndexOf('/') + 1))
  const policyArn = [{ prefix: `arn:${partition}:iam::${accountId}:policy/latchkey` }]
  const subjects = [{ roleName }, { policyName: [{ prefix: 'latchkey' }] }, { policyArn }]
  return {
    source: ['aws.iam'],
    'detail-type': FEED.trailTypes,
    detail: {
      readOnly: [false],
      userIdentity: identityIsNot(latchkeyArns),
      $or: subjects.map((requestParameters) => ({ requestParameters })),
    },
  }
}

/**
 * CloudTrail reports a caller from another account without an ARN, only by its account ("CloudTrail userIdentity
 * element", AWSAccount).
 */
function callerIsNot(latchkeyArns: readonly string[]): object {
  const accounts = [...new Set(latchkeyArns.flatMap((arn) => arn.split(':')[4] ?? []))]
  if (accounts.length === 0) return {}
  const foreign = { arn: [{ exists: false }], accountId: [{ 'anything-but': accounts }] }
  return { $or: [{ userIdentity: identityIsNot(latchkeyArns) }, { userIdentity: foreign }] }
}

function identityIsNot(latchkeyArns: readonly string[]): object {
  if (latchkeyArns.length === 0) return { arn: [{ exists: true }] }
  return { arn: [{ 'anything-but': { wildcard: latchkeyArns.map(callerPattern) } }] }
}

/** The ARN by which CloudTrail names the caller. Of a role that is a session's ARN, which has no path. */
function callerPattern(arn: string): string {
  return arn.replace(/^(arn:[\w-]+):iam::(\d{12}):role\/(?:.*\/)?([^/]+)$/, '$1:sts::$2:assumed-role/$3/*')
}
