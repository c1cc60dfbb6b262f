import { attachDocument } from '../../policies/attached-policy.ts'
import type { Rules } from '../../rules/rules.ts'
import type { Attached, AttachOperations, GrantOrder, IamEntity } from '../driver.ts'
import type { GenuineGrant } from '../genuine-grant.ts'
import { ordersHeld } from '../grant-order.ts'
import { policyNameOf } from '../iam-entity.ts'

/** Why a grant may not go on as AWS holds it. */
export interface Change {
  readonly cause: string
  readonly detail: string
}

/** Why the grants of a target that AWS no longer holds as it was may not go on; undefined: it is in order. */
export async function findEntityFault(driver: Pick<AttachOperations, 'entityState'>, target: IamEntity) {
  const state = await driver.entityState(target)
  const [fault] = state?.faults ?? []
  return ({ grant }: GenuineGrant): Change | undefined => {
    const { principal } = grant.terms
    const isSame = principal.driver === 'attach' && principal.userid.split(':')[0] === state?.uniqueId
    if (!isSame)
      return { cause: 'holder-changed', detail: `The ${target.kind} ${target.name} was deleted or made again.` }
    return fault === undefined ? undefined : { cause: 'holder-changed', detail: fault }
  }
}

/** @param look `documents`: `attached` carries them, so they are compared too. */
export function findChange(
  rules: Pick<Rules, 'buckets'>,
  genuine: GenuineGrant,
  attached: readonly Attached[],
  look: { readonly documents: boolean },
): Change | undefined {
  const cause = 'changed-in-aws'
  const held = attached.find(({ policyName }) => policyName === policyNameOf(genuine.grant.id))
  if (!held) return { cause, detail: 'Somebody took its policy away in AWS.' }
  if (!look.documents || ordersHeld(genuine).some((one) => writtenFor(rules, one) === held.document)) return undefined
  return { cause, detail: 'Somebody changed its policy in AWS.' }
}

/** Undefined: we would write nothing for it. */
function writtenFor(rules: Pick<Rules, 'buckets'>, order: GrantOrder): string | undefined {
  const bucket = rules.buckets.get(order.scopes[0]?.bucket ?? '')
  const { principal } = order
  return bucket && principal.driver === 'attach' ? attachDocument({ ...order, principal }, bucket) : undefined
}
