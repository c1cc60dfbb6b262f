import { DescribeTrailsCommand, GetEventSelectorsCommand, GetTrailStatusCommand } from '@aws-sdk/client-cloudtrail'
import { askFor, type WiringDesk } from '../region-clients.ts'
import type { Place } from '../regions.ts'
import { type FoundTrail, managementIsLogged, type TrailGaps, writesAreLogged } from './event-selectors.ts'

export async function readTrails(desk: WiringDesk): Promise<readonly FoundTrail[]> {
  const { trailList = [] } = await askFor(desk, 'to list the trails', () =>
    desk.trails.send(new DescribeTrailsCommand({ includeShadowTrails: true })),
  )
  return await Promise.all(
    trailList.map(async ({ Name = '', TrailARN = '', HomeRegion = '' }) => {
      const [status, selectors] = await askFor(desk, `to show the trail ${Name}`, () =>
        Promise.all([
          desk.trails.send(new GetTrailStatusCommand({ Name: TrailARN })),
          desk.trails.send(new GetEventSelectorsCommand({ TrailName: TrailARN })),
        ]),
      )
      return {
        name: Name,
        arn: TrailARN,
        homeRegion: HomeRegion,
        isLogging: status.IsLogging ?? false,
        advanced: selectors.AdvancedEventSelectors ?? [],
        basic: selectors.EventSelectors ?? [],
      }
    }),
  )
}

export function trailGaps({ buckets, partition }: Place, trails: readonly FoundTrail[]): TrailGaps {
  const logging = trails.filter(({ isLogging }) => isLogging)
  return {
    buckets: buckets.filter(
      (bucket) => !logging.some((trail) => writesAreLogged(trail, `arn:${partition}:s3:::${bucket}`)),
    ),
    management: !logging.some(managementIsLogged),
  }
}
