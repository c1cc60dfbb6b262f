import { createHash } from 'node:crypto'
import type { FeedRegion } from '../regions.ts'
import { eventRules, type WantedRule } from './event-patterns.ts'

/** Of the connection, the API destination and the target. */
export const NAME = 'latchkey'
export const INVOKE_ROLE = 'latchkey-events-invoke'
export const DEAD_LETTERS = 'latchkey-dead-letters'
export const KEY_HEADER = 'x-latchkey-key'
export const TAGS = [{ Key: 'latchkey:made-by', Value: 'latchkey aws setup' }]
/** As much as EventBridge gives by itself ("Retry policy"). */
export const RETRY = { MaximumRetryAttempts: 185, MaximumEventAgeInSeconds: 86_400 } as const
/** The quota of one destination. */
export const RATE_PER_SECOND = 300

/** What one region of one account should hold. */
export interface DesiredState {
  readonly place: FeedRegion
  /** Where Latchkey takes CloudTrail records. */
  readonly endpoint: string
  /** Of the key that the connection should send. Undefined: whoever compares is not told the keys. */
  readonly keyMark: string | undefined
  readonly rules: readonly WantedRule[]
}

export function desiredState(
  place: FeedRegion,
  {
    publicUrl,
    key,
    ours,
  }: { readonly publicUrl: string; readonly key: string | undefined; readonly ours: readonly string[] },
): DesiredState {
  return {
    place,
    endpoint: `${publicUrl}/api/cloudtrail`,
    keyMark: key === undefined ? undefined : markOf(key),
    rules: eventRules(place, ours),
  }
}

/**
 * AWS never shows a key again. Of 32 random bytes these few hex digits give nothing away, and in the connection's description they tell which key
 * it sends.
 */
export function markOf(key: string): string {
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

export function deadLettersPolicy(place: FeedRegion): object {
  const { accountId, partition, region } = place
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Sid: 'RulesOfLatchkey',
        Effect: 'Allow',
        Principal: { Service: 'events.amazonaws.com' },
        Action: 'sqs:SendMessage',
        Resource: deadLettersArn(place),
        Condition: { ArnLike: { 'aws:SourceArn': `arn:${partition}:events:${region}:${accountId}:rule/latchkey-*` } },
      },
    ],
  }
}
