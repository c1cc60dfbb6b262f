import { attachDocument } from '../../policies/attached-policy.ts'
import type { Rules } from '../../rules/rules.ts'
import type { Attached, AttachOperations, IamEntity } from '../driver.ts'
import type { Grant } from '../grant.ts'
import { orderOf } from '../grant-order.ts'
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
  return ({ terms: { principal } }: Grant): Change | undefined => {
    const isSame = principal.driver === 'attach' && principal.userid.split(':')[0] === state?.uniqueId
    if (!isSame)
      return { cause: 'holder-changed', detail: `The ${target.kind} ${target.name} was deleted or made again.` }
    return fault === undefined ? undefined : { cause: 'holder-changed', detail: fault }
  }
}

/** @param look `documents`: `attached` carries them, so they are compared too. */
export function findChange(
  rules: Pick<Rules, 'buckets'>,
  grant: Grant,
  attached: readonly Attached[],
  look: { readonly documents: boolean },
): Change | undefined {
  const cause = 'changed-in-aws'
  const held = attached.find(({ policyName }) => policyName === policyNameOf(grant.id))
  if (!held) return { cause, detail: 'Somebody took its policy away in AWS.' }
  if (!look.documents || mayHold(grant).some((one) => writtenFor(rules, one) === held.document)) return undefined
  return { cause, detail: 'Somebody changed its policy in AWS.' }
}

/** As long as a worker has not written an extension, AWS holds what a yes before it was worth: that is in the terms, so no record can say it anew. */
function mayHold(grant: Grant): readonly Grant[] {
  const { conditions: _, ...terms } = grant.terms
  const earlier = grant.unwritten ? (terms.earlier ?? []) : []
  return [
    grant,
    ...earlier.map(({ endsAt, approver: _by, ...yes }) => ({ ...grant, terms: { ...terms, ...yes }, endsAt })),
  ]
}

/** Undefined: we would write nothing for it. */
function writtenFor(rules: Pick<Rules, 'buckets'>, grant: Grant): string | undefined {
  const order = orderOf(grant)
  const bucket = rules.buckets.get(order.scopes[0]?.bucket ?? '')
  const { principal } = order
  return bucket && principal.driver === 'attach' ? attachDocument({ ...order, principal }, bucket) : undefined
}
