import { attachDocument } from '../../policies/attached-policy.ts'
import type { Rules } from '../../rules/rules.ts'
import type { Attached, AttachOperations, GrantOrder, IamEntity } from '../driver.ts'
import type { GenuineGrant } from '../genuine-grant.ts'
import { ordersHeld } from '../grant-order.ts'
import { policyNameOf } from '../iam-entity.ts'

/** Why a grant must be revoked after a change in AWS. */
export interface Change {
  readonly cause: string
  readonly detail: string
}

/**
 * Reads the IAM entity. The returned function says of one grant why it must be revoked: the entity was deleted or
 * created again, or its trust policy has a fault. Undefined: the entity is in order.
 */
export async function findEntityFault(driver: Pick<AttachOperations, 'entityState'>, entity: IamEntity) {
  const state = await driver.entityState(entity)
  const [fault] = state?.faults ?? []
  return ({ grant }: GenuineGrant): Change | undefined => {
    const { principal } = grant.terms
    const isSame = principal.driver === 'attach' && principal.userid.split(':')[0] === state?.uniqueId
    if (!isSame)
      return { cause: 'holder-changed', detail: `The ${entity.kind} ${entity.name} was deleted or made again.` }
    return fault === undefined ? undefined : { cause: 'holder-changed', detail: fault }
  }
}

/**
 * Whether the grant's policy was removed or changed in AWS. Undefined: neither.
 * @param look `documents`: whether `attached` carries the documents, so that they are compared too
 */
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

/** The document that Latchkey would write for the order. Undefined: none. */
function writtenFor(rules: Pick<Rules, 'buckets'>, order: GrantOrder): string | undefined {
  const bucket = rules.buckets.get(order.scopes[0]?.bucket ?? '')
  const { principal } = order
  return bucket && principal.driver === 'attach' ? attachDocument({ ...order, principal }, bucket) : undefined
}
