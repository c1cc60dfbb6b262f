import { userInfo } from 'node:os'
import { type Actor, byOperator } from '../../audit/events.ts'
import { type Difference, readWiring } from '../../aws/feed/compare-feed.ts'
import { applyWiring, planOf } from '../../aws/feed/setup.ts'
import { removeWiring, teardownPlan } from '../../aws/feed/teardown.ts'
import { isLatchkeyError } from '../../errors.ts'
import { noteSetUp, noteTakenDown } from '../../oversight/feed-regions.ts'
import { agree } from '../person/confirm.ts'
import { Problem } from '../problem.ts'
import { checkKeyAccepted } from './check-feed-key.ts'
import { checkSites } from './check-sites.ts'
import { setupOfService } from './environment.ts'
import { doneLine, planLines, print } from './print.ts'
import { runSelfTest } from './run-self-test.ts'
import { type Open, openFeed, openSites, otherAccounts, type Site, type Sites } from './site.ts'
import { checkTrails } from './trails.ts'

export interface AwsOptions {
  readonly plan?: true
  readonly yes?: true
  readonly rotate?: true
  /** False with `--no-self-test`, as commander passes it. */
  readonly selfTest?: boolean
}

export async function setup(options: AwsOptions): Promise<void> {
  const service = setupOfService()
  const sites = await openSites(service)
  const rotate = options.rotate ?? false
  if (rotate && sites.keys < 2) throw oneKeyOnly(sites)
  const plans = await planAll(sites, async ({ clients, wanted }) =>
    planOf({ desired: wanted, rotate }, await readWiring(clients)),
  )
  for (const line of otherAccounts(service, sites)) print(`\n${line}`)
  if (options.plan) {
    await checkTrails(sites)
    return
  }
  const isNew = plans.some((one) => one.act !== 'keep')
  if (isNew && !options.yes) await agree('Make these changes?')
  const open = options.selfTest === false ? undefined : await openFeed(service, ' `--no-self-test` goes without it.')
  try {
    if (isNew) await applyAll(sites, { rotate, endpoint: service.config.publicUrl })
    if (open) await proveAll(sites, open)
  } finally {
    close(open)
  }
  await checkTrails(sites)
}

function oneKeyOnly({ account: { id } }: Sites): Problem {
  return new Problem(
    `To change keys without losing a record, CLOUDTRAIL_KEYS must hold two of account ${id}, the new one first, and Latchkey's web part must run with both. Then run this again, and take the old one out last.`,
  )
}

/** Prints the plan of every region, and returns all their differences. */
async function planAll(
  { sites }: Sites,
  plan: (site: Site) => Promise<readonly Difference[]>,
): Promise<readonly Difference[]> {
  const all: Difference[] = []
  for (const site of sites) {
    const { accountName, accountId, region, buckets } = site.feedRegion
    const what = buckets.length === 0 ? 'roles and policies only' : `buckets ${buckets.join(', ')}`
    print(`\n${accountName} (${accountId}), ${region}: ${what}`)
    const differences = await plan(site)
    for (const one of differences) for (const line of planLines(one)) print(line)
    all.push(...differences)
  }
  const changes = all.filter(({ act }) => act !== 'keep').length
  print(
    `\n${changes === 0 ? 'Nothing to change.' : `${changes} to change, ${all.length - changes} as they should be.`}`,
  )
  return all
}

interface ApplyOptions {
  readonly rotate: boolean
  readonly endpoint: string
}

async function applyAll({ sites, key }: Sites, { rotate, endpoint }: ApplyOptions): Promise<void> {
  await checkKeyAccepted(endpoint, key)
  for (const { clients, wanted, feedRegion } of sites) {
    print(`\n${feedRegion.region}:`)
    await runOrExplain(() =>
      applyWiring(clients, { desired: wanted, key, rotate, onDone: (one) => print(doneLine(one)) }),
    )
  }
}

/**
 * Every step can be repeated safely, so after a failure the operator only runs the command again.
 * @throws Problem when AWS does not answer
 */
async function runOrExplain(act: () => Promise<void>): Promise<void> {
  try {
    await act()
  } catch (error) {
    if (!isLatchkeyError(error, 'UNAVAILABLE')) throw error
    throw new Problem('AWS does not answer at the moment. Run the same command again: it goes on where it stopped.')
  }
}

async function proveAll({ sites }: Sites, { record, feed }: Open): Promise<void> {
  print('')
  for (const { feedRegion } of sites) await noteSetUp(record, feedRegion, operator())
  for (const site of sites) await runSelfTest(site, feed)
}

export async function check(): Promise<void> {
  const service = setupOfService()
  const sites = await openSites(service)
  const isInOrder = await checkSites(sites)
  for (const line of otherAccounts(service, sites)) print(`\n${line}`)
  if (!isInOrder) process.exitCode = 1
}

export async function teardown(options: AwsOptions): Promise<void> {
  const service = setupOfService()
  const sites = await openSites(service)
  const last = sites.sites.at(-1)
  const plans = await planAll(sites, async (site) =>
    teardownPlan(await readWiring(site.clients), { withRole: site === last }),
  )
  for (const line of otherAccounts(service, sites)) print(`\n${line}`)
  if (options.plan) return
  if (plans.length > 0 && !options.yes) await agree('Delete these?')
  const open = await openFeed(service)
  try {
    for (const site of sites.sites) {
      const onDone = (one: Difference) => print(doneLine(one))
      await noteTakenDown(open.record, site.feedRegion, operator())
      await runOrExplain(() => removeWiring(site.clients, { withRole: site === last, onDone }))
    }
  } finally {
    close(open)
  }
}

function operator(): Actor {
  return byOperator(userInfo().username)
}

function close(open: Open | undefined): void {
  open?.redis.disconnect()
}
