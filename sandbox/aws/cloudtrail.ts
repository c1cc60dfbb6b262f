import { z } from 'zod'
import { AwsError, type ServiceHandler } from './call.ts'
import type { SandboxCore } from './core.ts'
import type { JsonObject } from './events/json.ts'
import { type JsonVisit, jsonCall, jsonService } from './json-service.ts'
import type { AwsState, Trail } from './state.ts'

/** The calls of CloudTrail's JSON API that read trails ("AWS CloudTrail API Reference"). */

const TRAIL_NAME = z.string().min(3)

export function cloudTrailService(core: SandboxCore): ServiceHandler {
  return jsonService(core, { service: 'cloudtrail', version: '1.1', calls: CALLS })
}

const CALLS = {
  DescribeTrails: jsonCall(
    z.object({ includeShadowTrails: z.boolean().default(true), trailNameList: z.array(z.string()).default([]) }),
    (visit, { includeShadowTrails, trailNameList }) => {
      visit.mustAllow('cloudtrail:DescribeTrails', '*')
      const seen = [...visit.state.trails.values()].filter(
        ({ homeRegion, isMultiRegion, name, arn }) =>
          (homeRegion === visit.region || (isMultiRegion && includeShadowTrails)) &&
          (trailNameList.length === 0 || trailNameList.includes(name) || trailNameList.includes(arn)),
      )
      return { trailList: seen.map(view) }
    },
  ),
  GetTrailStatus: jsonCall(z.object({ Name: TRAIL_NAME }), (visit, { Name }) => ({
    IsLogging: named(visit, 'cloudtrail:GetTrailStatus', Name).isLogging,
  })),
  GetEventSelectors: jsonCall(z.object({ TrailName: TRAIL_NAME }), (visit, { TrailName }) => {
    const trail = named(visit, 'cloudtrail:GetEventSelectors', TrailName)
    return { TrailARN: trail.arn, ...trail.selectors }
  }),
  PutEventSelectors: jsonCall(
    z.object({
      TrailName: TRAIL_NAME,
      EventSelectors: z.array(z.json()).optional(),
      AdvancedEventSelectors: z.array(z.json()).optional(),
    }),
    (visit, { TrailName, EventSelectors, AdvancedEventSelectors }) => {
      const trail = named(visit, 'cloudtrail:PutEventSelectors', TrailName)
      if ((EventSelectors === undefined) === (AdvancedEventSelectors === undefined))
        throw new AwsError('InvalidEventSelectorsException', 400, 'Give event selectors of one kind.')
      trail.selectors = EventSelectors ? { EventSelectors } : { AdvancedEventSelectors: AdvancedEventSelectors ?? [] }
      return { TrailARN: trail.arn, ...trail.selectors }
    },
  ),
}

function view({ name, arn, homeRegion, isMultiRegion }: Trail): JsonObject {
  return {
    Name: name,
    TrailARN: arn,
    HomeRegion: homeRegion,
    IsMultiRegionTrail: isMultiRegion,
    IncludeGlobalServiceEvents: true,
    S3BucketName: `${name}-logs`,
  }
}

/** A name finds a trail only in the trail's own Region; an ARN finds it anywhere. */
function named(visit: JsonVisit, action: string, name: string): Trail {
  const { trails, account } = visit.state
  const trail = [...trails.values()].find(
    (one) => one.arn === name || (one.name === name && one.homeRegion === visit.region),
  )
  visit.mustAllow(action, trail?.arn ?? `arn:aws:cloudtrail:${visit.region}:${account}:trail/${name}`)
  if (trail !== undefined) return trail
  throw new AwsError('TrailNotFoundException', 400, `Unknown trail: ${name} for the user: ${account}`)
}

/** Creates the trail that an owner would create: all Regions, management events, and data events of writes to these buckets. */
export function seedTrail(state: AwsState, buckets: readonly string[]): Trail {
  const name = 'company'
  const arn = `arn:aws:cloudtrail:${state.region}:${state.account}:trail/${name}`
  const AdvancedEventSelectors = [
    { Name: 'Calls', FieldSelectors: [{ Field: 'eventCategory', Equals: ['Management'] }] },
    {
      Name: 'S3 writes',
      FieldSelectors: [
        { Field: 'eventCategory', Equals: ['Data'] },
        { Field: 'resources.type', Equals: ['AWS::S3::Object'] },
        { Field: 'readOnly', Equals: ['false'] },
        { Field: 'resources.ARN', StartsWith: buckets.map((bucket) => `arn:aws:s3:::${bucket}/`) },
      ],
    },
  ]
  const trail: Trail = {
    name,
    arn,
    homeRegion: state.region,
    isMultiRegion: true,
    isLogging: true,
    selectors: { AdvancedEventSelectors },
  }
  state.trails.set(arn, trail)
  return trail
}
