import { createHash } from 'node:crypto'
import type { FeedRegion } from '../regions.ts'
import { type DesiredRule, eventRules } from './event-patterns.ts'

/** Name of the connection, the API destination and the rules' target. */
export const NAME = 'latchkey'
export const INVOKE_ROLE = 'latchkey-events-invoke'
export const DEAD_LETTERS = 'latchkey-dead-letters'
export const KEY_HEADER = 'x-latchkey-key'
export const TAGS = [{ Key: 'latchkey:made-by', Value: 'latchkey aws setup' }]
/** EventBridge's own default ("Retry policy"), set explicitly. */
export const RETRY = { MaximumRetryAttempts: 185, MaximumEventAgeInSeconds: 86_400 } as const
/** The highest rate of one API destination ("Amazon EventBridge quotas"). */
export const RATE_PER_SECOND = 300

/** The wiring that one region of one account should have. */
export interface DesiredState {
  readonly feedRegion: FeedRegion
  /** Latchkey's address for CloudTrail records. */
  readonly endpoint: string
  /** Fingerprint of the key that the connection should send. Undefined: the caller does not know the keys. */
  readonly fingerprint: string | undefined
  readonly rules: readonly DesiredRule[]
}

export function desiredState(
  feedRegion: FeedRegion,
  {
    publicUrl,
    key,
    ours,
  }: { readonly publicUrl: string; readonly key: string | undefined; readonly ours: readonly string[] },
): DesiredState {
  return {
    feedRegion,
    endpoint: `${publicUrl}/api/cloudtrail`,
    fingerprint: key === undefined ? undefined : keyFingerprint(key),
    rules: eventRules(feedRegion, ours),
  }
}

/**
 * The first twelve hex digits of the key's SHA-256. AWS never shows a key again, so the connection's description has
 * the fingerprint. It does not weaken a key of 32 random bytes.
 */
export function keyFingerprint(key: string): string {
  return createHash('sha256').update(key).digest('hex').slice(0, 12)
}

export function invokeTrust({ accountId, partition }: FeedRegion): object {
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Sid: 'RulesOfLatchkey',
        Effect: 'Allow',
        Principal: { Service: 'events.amazonaws.com' },
        Action: 'sts:AssumeRole',
        Condition: {
          StringEquals: { 'aws:SourceAccount': accountId },
          ArnLike: { 'aws:SourceArn': `arn:${partition}:events:*:${accountId}:rule/latchkey-*` },
        },
      },
    ],
  }
}

export function invokeRights({ accountId, partition }: FeedRegion): object {
  const Resource = `arn:${partition}:events:*:${accountId}:api-destination/${NAME}/*`
  return {
    Version: '2012-10-17',
    Statement: [{ Sid: 'Invoke', Effect: 'Allow', Action: 'events:InvokeApiDestination', Resource }],
  }
}

export function deadLettersArn({ partition, region, accountId }: FeedRegion): string {
  return `arn:${partition}:sqs:${region}:${accountId}:${DEAD_LETTERS}`
}

export function invokeRoleArn({ partition, accountId }: FeedRegion): string {
  return `arn:${partition}:iam::${accountId}:role/${INVOKE_ROLE}`
}

export function deadLettersPolicy(feedRegion: FeedRegion): object {
  const { accountId, partition, region } = feedRegion
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Sid: 'RulesOfLatchkey',
        Effect: 'Allow',
        Principal: { Service: 'events.amazonaws.com' },
        Action: 'sqs:SendMessage',
        Resource: deadLettersArn(feedRegion),
        Condition: { ArnLike: { 'aws:SourceArn': `arn:${partition}:events:${region}:${accountId}:rule/latchkey-*` } },
      },
    ],
  }
}
