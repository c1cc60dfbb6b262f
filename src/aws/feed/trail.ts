import { DescribeTrailsCommand, GetEventSelectorsCommand, GetTrailStatusCommand } from '@aws-sdk/client-cloudtrail'
import { askFor, type RegionClients } from '../region-clients.ts'
import type { FeedRegion } from '../regions.ts'
import { managementIsLogged, type TrailGaps, type TrailState, writesAreLogged } from './event-selectors.ts'

export async function readTrails(clients: RegionClients): Promise<readonly TrailState[]> {
  const { trailList = [] } = await askFor(clients, 'to list the trails', () =>
    clients.trails.send(new DescribeTrailsCommand({ includeShadowTrails: true })),
  )
  return await Promise.all(
    trailList.map(async ({ Name = '', TrailARN = '', HomeRegion = '' }) => {
      const [status, selectors] = await askFor(clients, `to show the trail ${Name}`, () =>
        Promise.all([
          clients.trails.send(new GetTrailStatusCommand({ Name: TrailARN })),
          clients.trails.send(new GetEventSelectorsCommand({ TrailName: TrailARN })),
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

/** What the trails that are logging leave out. */
export function trailGaps({ buckets, partition }: FeedRegion, trails: readonly TrailState[]): TrailGaps {
  const logging = trails.filter(({ isLogging }) => isLogging)
  return {
    buckets: buckets.filter(
      (bucket) => !logging.some((trail) => writesAreLogged(trail, `arn:${partition}:s3:::${bucket}`)),
    ),
    management: !logging.some(managementIsLogged),
  }
}
