import { selectorCommand, type TrailGaps, type TrailState } from '../../aws/feed/event-selectors.ts'
import { readTrails, trailGaps } from '../../aws/feed/trail.ts'
import { print, wrapped } from './print.ts'
import type { Site, Sites } from './site.ts'

/**
 * Prints which records no trail logs, so that Latchkey never receives them, and the command with which the trail's owner
 * adds them. Latchkey does not change trails.
 * @returns false if something is not logged
 */
export async function checkTrails({ sites }: Sites): Promise<boolean> {
  const outcomes: boolean[] = []
  for (const site of sites) outcomes.push(await checkRegion(site))
  return outcomes.every((whole) => whole)
}

async function checkRegion({ clients, feedRegion }: Site): Promise<boolean> {
  const trails = await readTrails(clients)
  const gaps = trailGaps(feedRegion, trails)
  const says = sentences(gaps, feedRegion.region)
  if (says.length === 0) print(`✓ ${feedRegion.region}: a trail logs what Latchkey needs.`)
  for (const line of says.flatMap((one) => wrapped(one, 0))) print(line)
  if (says.length > 0) for (const line of howTo({ clients, feedRegion }, trails, gaps)) print(line)
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
  { feedRegion }: Pick<Site, 'feedRegion' | 'clients'>,
  trails: readonly TrailState[],
  gaps: TrailGaps,
): readonly string[] {
  const trail = trails.find(({ isLogging }) => isLogging)
  if (trail === undefined) return ['  Create a trail that logs to a bucket of its own, and run this again.']
  return [
    '  Add to the trail, as its owner:',
    ...selectorCommand(feedRegion, trail, gaps)
      .split('\n')
      .map((line) => `    ${line}`),
  ]
}
