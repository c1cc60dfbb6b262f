import { entityFaults } from '../../aws/doctor/attach-entity-faults.ts'
import { elevationFaults } from '../../aws/doctor/elevation-faults.ts'
import { readPrincipals } from '../../aws/doctor/principals.ts'
import { bucketPolicyRights, type StandingRight, standingRights } from '../../aws/doctor/standing-rights.ts'
import { readWiring, sayDifference, wiringDrift } from '../../aws/feed/compare-feed.ts'
import { desiredState } from '../../aws/feed/desired-state.ts'
import { readTrails, trailGaps } from '../../aws/feed/trail.ts'
import { readFormerRoles } from '../../aws/session/former-roles.ts'
import type { Setup } from '../../config.ts'
import { type Finding, look } from './finding.ts'
import { elsewhere, type Ground, keysOf, openGround } from './site.ts'

export async function awsFindings(service: Setup): Promise<readonly Finding[]> {
  return await look('AWS', async () => {
    const { account, ground } = await openGround(service)
    const [first] = ground
    const key = keysOf(service, account)[0]
    const others = elsewhere(service, { account }).map((says): Finding => ({ area: 'AWS', state: 'unknown', says }))
    const found = await Promise.all([
      ...ground.slice(0, 1).map((one) => look('Elevation roles', () => roles(service, one))),
      ...ground.slice(0, 1).map((one) => look('Holders', () => holders(service, one))),
      ...ground.map((one) => look('Wiring', () => wiring(service, one, key))),
      ...ground.map((one) => look('Trails', () => trails(one))),
      ...(first === undefined ? [] : [look('Standing write rights', () => standing(ground, first))]),
    ])
    return [...others, ...found.flat()]
  })
}

/** A hub lets Latchkey into its roles: read with everything else that preflight compares. */
async function roles({ rules }: Setup, { place, clients, ours }: Ground): Promise<readonly Finding[]> {
  const area = 'Elevation roles'
  const account = rules.accounts.get(place.accountName)
  if (account === undefined) return []
  const [us] = ours
  const [found, former] = await Promise.all([
    elevationFaults(clients, account, ours),
    us === undefined ? [] : readFormerRoles({ ...clients, us }, account),
  ])
  return [
    ...found.flatMap(({ role, faults }): readonly Finding[] => {
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

async function holders({ rules }: Setup, { place, clients }: Ground): Promise<readonly Finding[]> {
  const area = 'Holders'
  const found = await entityFaults(clients, place.accountId, rules.principals.get(place.accountName) ?? [])
  return found.flatMap(({ entity, faults }): readonly Finding[] => {
    if (faults.length === 0) return [{ area, state: 'ok', says: `${entity}: may hold grants.` }]
    const next = 'Until then every ask that it would hold is refused.'
    return faults.map((fault) => ({ area, state: 'wrong', says: `${entity}: ${fault}`, next }))
  })
}

async function wiring(
  { config }: Setup,
  { place, clients, ours }: Ground,
  key: string | undefined,
): Promise<readonly Finding[]> {
  const area = 'Wiring'
  if (key === undefined) {
    const next = `For a feed of S3 writes, add a key for account ${place.accountId} and run \`latchkey aws setup\`.`
    return [{ area, state: 'note', says: `${place.region}: CLOUDTRAIL_KEYS has no key: no feed.`, next }]
  }
  const found = await readWiring(clients)
  const drift = wiringDrift(desiredState(place, { publicUrl: config.publicUrl, key, ours }), found)
  const lost = found.deadLetters?.messages ?? 0
  const next = '`latchkey aws setup --plan` shows how it is mended.'
  return [
    ...(drift.length === 0 ? [{ area, state: 'ok' as const, says: `${place.region}: as setup makes it.` }] : []),
    ...drift.map((one): Finding => ({ area, state: 'wrong', says: `${place.region}: ${sayDifference(one)}.`, next })),
    ...(lost > 0
      ? [{ area, state: 'wrong' as const, says: `${place.region}: about ${lost} events could not be delivered.` }]
      : []),
  ]
}

async function trails({ place, clients }: Ground): Promise<readonly Finding[]> {
  const area = 'Trails'
  const { buckets, management } = trailGaps(place, await readTrails(clients))
  const next = '`latchkey aws check` prints the command that adds it.'
  return [
    ...buckets.map(
      (one): Finding => ({ area, state: 'wrong', says: `${place.region}: no trail logs writes to ${one}.`, next }),
    ),
    ...(management
      ? [{ area, state: 'wrong' as const, says: `${place.region}: no trail logs management events.`, next }]
      : []),
    ...(buckets.length === 0 && !management ? [{ area, state: 'ok' as const, says: `${place.region}: logged.` }] : []),
  ]
}

/** IAM is of the whole account, so it is read once, for the buckets of every region. */
async function standing(ground: readonly Ground[], { clients, place }: Ground): Promise<readonly Finding[]> {
  const area = 'Standing write rights'
  const everywhere = { ...place, buckets: ground.flatMap((one) => one.place.buckets) }
  const principals = await readPrincipals(clients, place)
  const { rights, administrators, unread } = standingRights(principals, everywhere)
  const byPolicy = await Promise.all(ground.map((one) => bucketPolicyRights(one.clients, one.place)))
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
