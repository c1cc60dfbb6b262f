import { entityFaults } from '../../aws/doctor/attach-entity-faults.ts'
import { elevationFaults } from '../../aws/doctor/elevation-faults.ts'
import { readPrincipals } from '../../aws/doctor/principals.ts'
import { bucketPolicyRights, type StandingRight, standingRights } from '../../aws/doctor/standing-rights.ts'
import { readWiring, sayDifference, wiringDrift } from '../../aws/feed/compare-feed.ts'
import { desiredState } from '../../aws/feed/desired-state.ts'
import { readTrails, trailGaps } from '../../aws/feed/trail.ts'
import { readFormerRoles } from '../../aws/session/former-roles.ts'
import type { Setup } from '../../config.ts'
import { type Finding, runCheck } from './finding.ts'
import { keysOf, type OpenRegion, openRegions, otherAccounts } from './site.ts'

export async function awsFindings(service: Setup): Promise<readonly Finding[]> {
  return await runCheck('AWS', async () => {
    const { account, regions } = await openRegions(service)
    const [first] = regions
    const key = keysOf(service, account)[0]
    const others = otherAccounts(service, { account }).map((says): Finding => ({ area: 'AWS', state: 'unknown', says }))
    const byArea = await Promise.all([
      ...regions.slice(0, 1).map((one) => runCheck('Elevation roles', () => roles(service, one))),
      ...regions.slice(0, 1).map((one) => runCheck('Holders', () => entities(service, one))),
      ...regions.map((one) => runCheck('Wiring', () => wiring(service, one, key))),
      ...regions.map((one) => runCheck('Trails', () => trails(one))),
      ...(first === undefined ? [] : [runCheck('Standing write rights', () => standing(regions, first))]),
    ])
    return [...others, ...byArea.flat()]
  })
}

/** Checks boundary and trust of every elevation role. The trust policies must name Latchkey's own identities. */
async function roles({ rules }: Setup, { feedRegion, clients, identities }: OpenRegion): Promise<readonly Finding[]> {
  const area = 'Elevation roles'
  const account = rules.accounts.get(feedRegion.accountName)
  if (account === undefined) return []
  const [us] = identities
  const [checkedRoles, former] = await Promise.all([
    elevationFaults(clients, account, identities),
    us === undefined ? [] : readFormerRoles({ ...clients, us }, account),
  ])
  return [
    ...checkedRoles.flatMap(({ role, faults }): readonly Finding[] => {
      if (faults.length === 0) return [{ area, state: 'ok', says: `${role}: boundary and trust are as they must be.` }]
      const next = 'Apply the Terraform module again, or change it by hand.'
      return faults.map((fault) => ({ area, state: 'wrong', says: `${role}: ${fault}`, next }))
    }),
    ...former
      .filter(({ trustsUs }) => trustsUs)
      .map(({ principal }): Finding => {
        const next =
          'Delete it when its last session is over, an hour after it left the rules. Until then workers look after it.'
        return { area, state: 'note', says: `${principal.roleArn}: the rules name it no more.`, next }
      }),
  ]
}

async function entities({ rules }: Setup, { feedRegion, clients }: OpenRegion): Promise<readonly Finding[]> {
  const area = 'Holders'
  const checked = await entityFaults(clients, feedRegion.accountId, rules.principals.get(feedRegion.accountName) ?? [])
  return checked.flatMap(({ entity, faults }): readonly Finding[] => {
    if (faults.length === 0) return [{ area, state: 'ok', says: `${entity}: may hold grants.` }]
    const next = 'Until then every ask that it would hold is refused.'
    return faults.map((fault) => ({ area, state: 'wrong', says: `${entity}: ${fault}`, next }))
  })
}

async function wiring(
  { config }: Setup,
  { feedRegion, clients, identities }: OpenRegion,
  key: string | undefined,
): Promise<readonly Finding[]> {
  const area = 'Wiring'
  if (key === undefined) {
    const next = `For a feed of S3 writes, add a key for account ${feedRegion.accountId} and run \`latchkey aws setup\`.`
    return [{ area, state: 'note', says: `${feedRegion.region}: CLOUDTRAIL_KEYS has no key: no feed.`, next }]
  }
  const inAws = await readWiring(clients)
  const wanted = desiredState(feedRegion, { publicUrl: config.publicUrl, key, ours: identities })
  const drift = wiringDrift(wanted, inAws)
  const lost = inAws.deadLetters?.messages ?? 0
  const next = '`latchkey aws setup --plan` shows how it is mended.'
  return [
    ...(drift.length === 0 ? [{ area, state: 'ok' as const, says: `${feedRegion.region}: as setup makes it.` }] : []),
    ...drift.map(
      (one): Finding => ({ area, state: 'wrong', says: `${feedRegion.region}: ${sayDifference(one)}.`, next }),
    ),
    ...(lost > 0
      ? [{ area, state: 'wrong' as const, says: `${feedRegion.region}: about ${lost} events could not be delivered.` }]
      : []),
  ]
}

async function trails({ feedRegion, clients }: OpenRegion): Promise<readonly Finding[]> {
  const area = 'Trails'
  const { buckets, management } = trailGaps(feedRegion, await readTrails(clients))
  const next = '`latchkey aws check` prints the command that adds it.'
  return [
    ...buckets.map(
      (one): Finding => ({ area, state: 'wrong', says: `${feedRegion.region}: no trail logs writes to ${one}.`, next }),
    ),
    ...(management
      ? [{ area, state: 'wrong' as const, says: `${feedRegion.region}: no trail logs management events.`, next }]
      : []),
    ...(buckets.length === 0 && !management
      ? [{ area, state: 'ok' as const, says: `${feedRegion.region}: logged.` }]
      : []),
  ]
}

/** IAM has no regions, so it is read once for the buckets of all regions. Bucket policies are read in each region. */
async function standing(
  regions: readonly OpenRegion[],
  { clients, feedRegion }: OpenRegion,
): Promise<readonly Finding[]> {
  const area = 'Standing write rights'
  const everywhere = { ...feedRegion, buckets: regions.flatMap((one) => one.feedRegion.buckets) }
  const principals = await readPrincipals(clients, feedRegion)
  const { rights, administrators, unread } = standingRights(principals, everywhere)
  const byPolicy = await Promise.all(regions.map((one) => bucketPolicyRights(one.clients, one.feedRegion)))
  const all = [...rights, ...byPolicy.flat()]
  return [
    ...all.map((right) => standingFinding(area, right)),
    ...names(area, administrators, 'may do everything in the account, and so write to its buckets without asking'),
    ...names(area, unread, 'perhaps may write without asking: a policy could not be read'),
    ...(all.length === 0 ? [{ area, state: 'ok' as const, says: nobody(administrators.length + unread.length) }] : []),
  ]
}

function standingFinding(area: string, { bucket, who, actions }: StandingRight): Finding {
  const says = `${bucket}: ${who} may write without asking (${actions.slice(0, 3).join(', ')}${actions.length > 3 ? ', …' : ''}).`
  return { area, state: 'wrong', says, next: 'Take it away: just-in-time means nothing beside it.' }
}

function nobody(others: number): string {
  return `Nobody${others === 0 ? '' : ' else'} may write to the buckets of the rules without asking.`
}

function names(area: string, who: readonly string[], what: string): readonly Finding[] {
  return who.length === 0 ? [] : [{ area, state: 'note', says: `${who.join(', ')}: ${what}.` }]
}
