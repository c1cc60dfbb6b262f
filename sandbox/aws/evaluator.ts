import { conditionHolds } from './conditions.ts'
import { type Facts, matchesArn, matchesText, type Reading } from './pattern.ts'
import type { PolicyDocument, Principals, Statement } from './policy.ts'

/** Decides what AWS would decide (IAM User Guide, "Policy evaluation logic"). Nothing in src uses it. */

/** Condition keys of one request. A missing key is absent, never an empty string. */
export type Context = Readonly<Record<string, string | readonly string[]>>

export interface PrincipalFacts {
  /** ARN of the user, or the `assumed-role` ARN of the session. */
  readonly arn: string
  readonly account: string
  /** The role of the session; undefined for a user. */
  readonly roleArn: string | undefined
}

export interface Question {
  readonly identityPolicies: readonly PolicyDocument[]
  /** Undefined when no boundary is set. An empty list allows nothing. */
  readonly boundary?: readonly PolicyDocument[] | undefined
  readonly sessionPolicies?: readonly PolicyDocument[] | undefined
  readonly resourcePolicy?: PolicyDocument | undefined
  /** True: the resource's policy must allow the action even in the same account, as a role's trust policy must. */
  readonly resourcePolicyRequired?: boolean
  readonly sameAccount?: boolean
  readonly principal: PrincipalFacts
  readonly request: { readonly action: string; readonly resource: string; readonly context: Context }
}

/** The decision. `reason` continues AWS's sentence "… is not authorized to perform: … on resource: …". */
export interface Verdict {
  readonly allowed: boolean
  readonly reason: string
}

/** How specifically a resource's policy names the caller. The more specific the name, the fewer other policies can limit it. */
type Named = 'session' | 'user' | 'role' | 'account' | 'everyone'

export function evaluate(question: Question): Verdict {
  const denied = explicitDeny(question)
  if (denied !== undefined) return { allowed: false, reason: `with an explicit deny in ${denied}` }
  const named = grantedAs(question)
  const silent = silentPolicy(question, named)
  if (silent === undefined) return { allowed: true, reason: 'allowed' }
  return { allowed: false, reason: `because no ${silent} allows the ${question.request.action} action` }
}

function explicitDeny(question: Question): string | undefined {
  const policiesByKind: readonly (readonly [string, readonly PolicyDocument[]])[] = [
    ['an identity-based policy', question.identityPolicies],
    ['a permissions boundary', question.boundary ?? []],
    ['a session policy', question.sessionPolicies ?? []],
    ['a resource-based policy', question.resourcePolicy === undefined ? [] : [question.resourcePolicy]],
  ]
  return policiesByKind.find(([, policies]) => says('Deny', policies, question))?.[0]
}

/** Returns the first kind of policy whose Allow is required and missing. */
function silentPolicy(question: Question, named: Named | undefined): string | undefined {
  const { sameAccount = true, resourcePolicyRequired = false } = question
  if (named === undefined && (resourcePolicyRequired || !sameAccount)) return 'resource-based policy'
  // "Resource-based policies that grant permissions to an IAM role session or user ARN are not limited by an implicit deny in a
  // permissions boundary or session policy" (Policy evaluation logic), in the same account.
  if (sameAccount && (named === 'session' || named === 'user')) return undefined
  const identityNeeded = !sameAccount || named === undefined || named === 'account'
  if (identityNeeded && !says('Allow', question.identityPolicies, question)) return 'identity-based policy'
  if (question.boundary !== undefined && !says('Allow', question.boundary, question)) return 'permissions boundary'
  if (question.sessionPolicies !== undefined && !says('Allow', question.sessionPolicies, question)) {
    return 'session policy'
  }
  return undefined
}

function grantedAs(question: Question): Named | undefined {
  const policy = question.resourcePolicy
  const grants = (policy?.statements ?? [])
    .filter((one) => one.effect === 'Allow' && policy !== undefined && covers(one, policy, question))
    .map((one) => nearest(one.principals, question.principal))
  return (['session', 'user', 'role', 'everyone', 'account'] as const).find((kind) => grants.includes(kind))
}

function says(effect: Statement['effect'], policies: readonly PolicyDocument[], question: Question): boolean {
  return policies.some((policy) =>
    policy.statements.some((one) => one.effect === effect && covers(one, policy, question)),
  )
}

function covers(statement: Statement, policy: PolicyDocument, { request, principal }: Question): boolean {
  const reading: Reading = { facts: facts(request.context), variables: policy.version === '2012-10-17' }
  return (
    coversPrincipal(statement, principal) &&
    coversAction(statement, request.action) &&
    coversResource(statement, request.resource, reading) &&
    statement.conditions.every((condition) => conditionHolds(condition, reading))
  )
}

function coversPrincipal({ principals, notPrincipals }: Statement, principal: PrincipalFacts): boolean {
  if (principals !== undefined) return nearest(principals, principal) !== undefined
  return notPrincipals === undefined || nearest(notPrincipals, principal) === undefined
}

function nearest(principals: Principals | undefined, principal: PrincipalFacts): Named | undefined {
  const names = principals?.AWS ?? []
  if (names.includes(principal.arn)) return principal.roleArn === undefined ? 'user' : 'session'
  if (principal.roleArn !== undefined && names.includes(principal.roleArn)) return 'role'
  if (names.includes('*')) return 'everyone'
  const { account } = principal
  return names.includes(account) || names.includes(`arn:aws:iam::${account}:root`) ? 'account' : undefined
}

const NO_FACTS: Reading = { facts: new Map(), variables: false }

/** Actions are compared without case and contain no variables. */
function coversAction({ actions, notActions }: Statement, action: string): boolean {
  const covered = (patterns: readonly string[]) =>
    patterns.some((pattern) => matchesText(pattern, action, NO_FACTS, { ignoreCase: true }))
  if (actions !== undefined) return covered(actions)
  return notActions !== undefined && !covered(notActions)
}

/** A trust policy has no Resource: it applies to its own role. */
function coversResource({ resources, notResources }: Statement, resource: string, reading: Reading): boolean {
  const covered = (patterns: readonly string[]) =>
    patterns.some((pattern) => pattern === '*' || matchesArn(pattern, resource, reading, true) || resource === pattern)
  if (resources !== undefined) return covered(resources)
  return notResources === undefined || !covered(notResources)
}

function facts(context: Context): Facts {
  return new Map(
    Object.entries(context).map(([key, value]) => [key.toLowerCase(), typeof value === 'string' ? [value] : value]),
  )
}
