import { selectorCommand, type TrailGaps, type TrailState } from '../../aws/feed/event-selectors.ts'
import { readTrails, trailGaps } from '../../aws/feed/trail.ts'
import { print, wrapped } from './print.ts'
import type { Site, Sites } from './site.ts'

/** What no trail logs never comes. Trails are changed by their owner alone. */
export async function tellTrails({ sites }: Sites): Promise<boolean> {
  const outcomes: boolean[] = []
  for (const site of sites) outcomes.push(await tellTrail(site))
  return outcomes.every((whole) => whole)
}

async function tellTrail({ clients, place }: Site): Promise<boolean> {
  const trails = await readTrails(clients)
  const gaps = trailGaps(place, trails)
  const says = sentences(gaps, place.region)
  if (says.length === 0) print(`✓ ${place.region}: a trail logs what Latchkey needs.`)
  for (const line of says.flatMap((one) => wrapped(one, 0))) print(line)
  if (says.length > 0) for (const line of howTo({ clients, place }, trails, gaps)) print(line)
  return says.length === 0
}

function sentences({ buckets, management }: TrailGaps, region: string): readonly string[] {
  return [
    ...(buckets.length === 0 ? [] : [`✗ ${region}: no trail logs writes to ${buckets.join(', ')}: none will be seen.`]),
    ...(management
      ? [`✗ ${region}: no trail logs management events: nobody will be seen who enters a role by hand.`]
      : []),
  ]
}

function howTo(
  { place }: Pick<Site, 'place' | 'clients'>,
  trails: readonly TrailState[],
  gaps: TrailGaps,
): readonly string[] {
  const trail = trails.find(({ isLogging }) => isLogging)
  if (trail === undefined) return ['  Create a trail that logs to a bucket of its own, and run this again.']
  return [
    '  Add to the trail, as its owner:',
    ...selectorCommand(place, trail, gaps)
      .split('\n')
      .map((line) => `    ${line}`),
  ]
}
