import { readWiring, sayDifference, wiringDrift } from '../../aws/feed/compare-feed.ts'
import { print, wrapped } from './print.ts'
import type { Site, Sites } from './site.ts'
import { checkTrails } from './trails.ts'

/**
 * Prints how each region differs from what setup makes, and what no trail logs.
 * @returns false if there is a difference, an undelivered event, or something that no trail logs
 */
export async function checkSites(sites: Sites): Promise<boolean> {
  const outcomes: boolean[] = []
  for (const site of sites.sites) outcomes.push(await checkSite(site))
  const logged = await checkTrails(sites)
  const isWired = outcomes.every((isInOrder) => isInOrder)
  if (!isWired) print('\n`latchkey aws setup --plan` shows how that is mended.')
  return logged && isWired
}

async function checkSite({ clients, wanted, feedRegion }: Site): Promise<boolean> {
  const inAws = await readWiring(clients)
  const drift = wiringDrift(wanted, inAws)
  const messages = inAws.deadLetters?.messages ?? 0
  const where = `${feedRegion.accountName} (${feedRegion.accountId}), ${feedRegion.region}`
  print(drift.length === 0 ? `✓ ${where}: wired as setup makes it.` : `✗ ${where}: not as setup makes it.`)
  for (const line of drift.flatMap((one) => wrapped(`✗ ${sayDifference(one)}`, 2))) print(line)
  const lost = `✗ About ${messages} events could not be delivered and lie in the queue latchkey-dead-letters: ERROR_CODE among their attributes says why.`
  if (messages > 0) for (const line of wrapped(lost, 0)) print(line)
  return drift.length === 0 && messages === 0
}
