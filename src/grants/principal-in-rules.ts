import type { Eligibility } from '../rules/eligibility.ts'
import { elevationRoles } from '../rules/principal-rules.ts'
import { denyRoleOf, type Principal } from './principal.ts'

type Eligible = Extract<Eligibility, { eligible: true }>

/**
 * Undefined when the current rules still name this principal for the request; otherwise a sentence for the person. The
 * record alone must not decide which principal gets access.
 */
export function findPrincipalFault(eligible: Eligible, principal: Principal): string | undefined {
  const { account, entitlement } = eligible
  const isSame = principal.account === account.id && principal.driver === entitlement.driver
  if (isSame && namesIt(eligible, principal)) return undefined
  return 'The rules now name another role for this. Ask again.'
}

function namesIt({ account, ownIdentity }: Eligible, principal: Principal): boolean {
  const arns = elevationRoles(account).map((role) => `arn:aws:iam::${account.id}:role/${role}`)
  if (!arns.includes(denyRoleOf(principal).roleArn)) return false
  if (principal.driver === 'session') return true
  if (!ownIdentity) return false
  const named = principal.arn.split(':').at(-1)?.split('/') ?? []
  const isNamed = named[0] === ownIdentity.kind && named.at(-1) === ownIdentity.name
  // The `aws:userid` of an IAM user has no session name.
  return isNamed && principal.userid.split(':').at(1) === ownIdentity.sessionName
}
