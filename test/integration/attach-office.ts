import { z } from 'zod'
import { requestAccess } from '../../src/access-requests/request-access.ts'
import { reviewAccessRequest } from '../../src/access-requests/review-access-request.ts'
import { awsDriver } from '../../src/aws/aws-driver.ts'
import type { AttachPrincipal, Target } from '../../src/grants/driver.ts'
import { endGrant } from '../../src/grants/end-grant.ts'
import { lookAtTarget } from '../../src/grants/keep-target.ts'
import type { AskableLevel } from '../../src/rules/levels.ts'
import { parseRules } from '../../src/rules/rules-file.ts'
import { parseScope } from '../../src/rules/scope.ts'
import { activateGrant } from '../../workers/activate-grant.ts'
import { revokeGrant } from '../../workers/revoke-grant.ts'
import type { Role } from '../sandbox/aws/state.ts'
import type { PersonName } from '../sandbox/entra/fixture.ts'
import { GROUPS } from '../sandbox/entra/fixture.ts'
import { BUCKET, type Hands, holdersOf, makeHolders, SHARED_ROLE } from './attach-ground.ts'
import { type Office, openOffice } from './invariant-ground.ts'

export const OWN_ROLE_RULES = `version: 1
groups:
  finance: ${GROUPS.finance}
  data-owners: ${GROUPS.dataOwners}
accounts:
  prod: { id: "111122223333", elevationRole: latchkey/prod }
buckets:
  ${BUCKET}: { account: prod, region: eu-west-1, owners: ["group:data-owners"] }
principals:
  prod:
    "group:finance": { role: ${SHARED_ROLE}, sessionName: mailNickname }
entitlements:
  - name: own-role
    who: ["group:finance"]
    scopes: [s3://${BUCKET}/]
    levels: [read, write, delete]
    driver: attach
    duration: { default: 45m, longest: 8h }
    approval: [{ need: 1, from: [manager, "group:data-owners"] }]
...
`

interface Wish {
  readonly scope?: string
  readonly levels?: readonly AskableLevel[]
}

/** An office whose rules give access on the role that Rita and Finn share, and their hands in it. */
export interface AttachOffice extends Office {
  /** The same by rules that give sessions of the elevation role. */
  readonly sessions: Office['needs']
  readonly target: Target
  readonly shared: Role
  readonly rita: Hands
  readonly finn: Hands
  /** A yes of Dana to the own role; the id of the grant, not activated yet. */
  approvedOn(person?: PersonName, wish?: Wish): Promise<string>
  grantedOn(person?: PersonName, wish?: Wish): Promise<string>
  ending(grantId: string): Promise<string>
  /** Ended early, and called revoked. */
  revoked(grantId: string): Promise<string>
  look(documents?: boolean): Promise<'looked' | 'busy'>
  /** Names of the grants whose policies AWS holds. */
  held(): readonly string[]
  /** What somebody does in the console. */
  putByHand(policyName: string, document?: string): void
  takeByHand(policyName: string): void
}

export async function openAttachOffice(name: string): Promise<AttachOffice> {
  const office = await openOffice(name, { seed: { holders: holdersOf('111122223333') } })
  const owner = [...office.aws.state.accessKeys.values()].find(({ userName }) => userName === 'owner')
  if (owner === undefined) throw new Error('The sandbox has no owner.')
  const holders = await makeHolders(office.aws, owner)
  const rules = parseRules(OWN_ROLE_RULES)
  const needs = { ...office.needs, rules, driver: awsDriver({ ...rules, part: 'workers', log: office.ground.log }) }
  const shared = office.aws.state.roles.get(SHARED_ROLE)
  if (shared === undefined) throw new Error('The sandbox has no shared role.')
  const target = { account: office.aws.state.account, kind: 'role', name: SHARED_ROLE } as const

  async function approvedOn(person: PersonName = 'rita', wish: Wish = {}): Promise<string> {
    const { scope = `s3://${BUCKET}/2026/`, levels = ['write'] } = wish
    const input = { scopes: [parseScope(scope)], levels, durationMinutes: 30, reason: 'month-end' }
    const { id } = await requestAccess(needs, office.as(person), input)
    const { grantId } = await reviewAccessRequest(needs, office.as('dana'), id, { decision: 'approve', comment: '' })
    return z.string().parse(grantId)
  }
  async function ending(grantId: string): Promise<string> {
    const { terms } = await office.grant(grantId)
    await endGrant(needs, { ...office.as('rita'), objectId: terms.requester }, grantId)
    return grantId
  }

  return {
    ...office,
    needs,
    sessions: office.needs,
    target,
    shared,
    rita: await holders.enter('rita'),
    finn: await holders.enter('finn'),
    approvedOn,
    async grantedOn(person, wish) {
      const id = await approvedOn(person, wish)
      await activateGrant(needs, id)
      return id
    },
    ending,
    async revoked(grantId) {
      await revokeGrant(needs, await ending(grantId))
      return grantId
    },
    look: (documents = false) => lookAtTarget(needs, target, { documents }),
    held: () =>
      [...shared.inline.current().keys()]
        .filter((one) => one.startsWith('latchkey.'))
        .map((one) => one.slice(9))
        .sort(),
    putByHand: (policyName, document = ANYTHING) => shared.inline.put(policyName, document, office.aws.clock.now()),
    takeByHand: (policyName) => void shared.inline.delete(policyName, office.aws.clock.now()),
    async close() {
      holders.close()
      await office.close()
    },
  }
}

/** What somebody might write who wants more. */
export const ANYTHING = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: 's3:PutObject', Resource: `arn:aws:s3:::${BUCKET}/*` }],
})

export function attachPrincipalOf({ terms: { principal } }: Awaited<ReturnType<Office['grant']>>): AttachPrincipal {
  if (principal.driver === 'attach') return principal
  throw new Error('The grant is one of sessions.')
}
