import type { AdvancedEventSelector, EventSelector } from '@aws-sdk/client-cloudtrail'
import type { FeedRegion } from '../regions.ts'

/**
 * Reads CloudTrail's event selectors strictly: a selector with a condition that is not understood counts as logging
 * nothing.
 */

interface Selectors {
  readonly advanced: readonly AdvancedEventSelector[]
  readonly basic: readonly EventSelector[]
}

/** A trail that covers this region. */
export interface TrailState extends Selectors {
  readonly name: string
  readonly arn: string
  readonly homeRegion: string
  readonly isLogging: boolean
}

export interface TrailGaps {
  /** Buckets of the region whose writes no trail logs, so that no record of them ever arrives. */
  readonly buckets: readonly string[]
  /** True if no trail logs management events, such as AssumeRole and PutRolePolicy. */
  readonly management: boolean
}

export function writesAreLogged({ advanced, basic }: Selectors, bucketArn: string): boolean {
  const everyBucket = bucketArn.slice(0, bucketArn.indexOf(':::'))
  const reaching = new Set([everyBucket, `${everyBucket}:::`, `${bucketArn}/`])
  const byBasic = basic.some(
    ({ ReadWriteType, DataResources = [] }) =>
      ReadWriteType !== 'ReadOnly' &&
      DataResources.some(
        ({ Type, Values = [] }) => Type === 'AWS::S3::Object' && Values.some((value) => reaching.has(value)),
      ),
  )
  return byBasic || advanced.some((selector) => selectsWrites(selector, `${bucketArn}/`))
}

function selectsWrites({ FieldSelectors = [] }: AdvancedEventSelector, objects: string): boolean {
  const tests: Readonly<Record<string, (selector: (typeof FieldSelectors)[number]) => boolean>> = {
    eventCategory: ({ Equals = [] }) => Equals.includes('Data'),
    'resources.type': ({ Equals = [] }) => Equals.includes('AWS::S3::Object'),
    readOnly: ({ Equals = [] }) => Equals.includes('false'),
    'resources.ARN': ({ StartsWith = [] }) => StartsWith.some((start) => objects.startsWith(start)),
  }
  const categories = FieldSelectors.some(({ Field }) => Field === 'eventCategory')
  return categories && FieldSelectors.every((selector) => tests[selector.Field ?? '']?.(selector) ?? false)
}

export function managementIsLogged({ advanced, basic }: Selectors): boolean {
  const byBasic = basic.some(
    ({ IncludeManagementEvents = true, ReadWriteType = 'All' }) => IncludeManagementEvents && ReadWriteType === 'All',
  )
  const byAdvanced = advanced.some(
    ({ FieldSelectors = [] }) =>
      FieldSelectors.some(({ Field, Equals = [] }) => Field === 'eventCategory' && Equals.includes('Management')) &&
      FieldSelectors.every(
        ({ Field, NotEquals = [] }) =>
          Field === 'eventCategory' ||
          (Field === 'eventSource' && NotEquals.every((source) => /^(kms|rdsdata)\./.test(source))),
      ),
  )
  return byBasic || byAdvanced
}

/**
 * The AWS CLI command with which the trail's owner adds the missing selectors. `put-event-selectors` replaces all
 * selectors, so the command repeats the existing ones.
 */
export function selectorCommand(feedRegion: FeedRegion, trail: TrailState, gaps: TrailGaps): string {
  const basic = trail.advanced.length === 0 && trail.basic.length > 0
  const [option, selectors] = basic
    ? ['--event-selectors', withBasic(feedRegion, trail.basic, gaps)]
    : ['--advanced-event-selectors', [...trail.advanced, ...missingSelectors(feedRegion, gaps)]]
  return `aws cloudtrail put-event-selectors --region ${trail.homeRegion} --trail-name ${trail.name} \\\n  ${option} '${JSON.stringify(selectors)}'`
}

function missingSelectors(
  { partition }: FeedRegion,
  { buckets, management }: TrailGaps,
): readonly AdvancedEventSelector[] {
  const StartsWith = buckets.map((bucket) => `arn:${partition}:s3:::${bucket}/`)
  const writes = {
    Name: 'Latchkey: S3 writes',
    FieldSelectors: [
      { Field: 'eventCategory', Equals: ['Data'] },
      { Field: 'resources.type', Equals: ['AWS::S3::Object'] },
      { Field: 'readOnly', Equals: ['false'] },
      { Field: 'resources.ARN', StartsWith },
    ],
  }
  const calls = {
    Name: 'Latchkey: roles and policies',
    FieldSelectors: [{ Field: 'eventCategory', Equals: ['Management'] }],
  }
  return [...(buckets.length > 0 ? [writes] : []), ...(management ? [calls] : [])]
}

function withBasic(
  { partition }: FeedRegion,
  selectors: readonly EventSelector[],
  { buckets, management }: TrailGaps,
): readonly EventSelector[] {
  const Values = buckets.map((bucket) => `arn:${partition}:s3:::${bucket}/`)
  const DataResources = [{ Type: 'AWS::S3::Object', Values }]
  const writes: EventSelector = { ReadWriteType: 'WriteOnly', IncludeManagementEvents: false, DataResources }
  const calls: EventSelector = { ReadWriteType: 'All', IncludeManagementEvents: true }
  return [...selectors, ...(buckets.length > 0 ? [writes] : []), ...(management ? [calls] : [])]
}
