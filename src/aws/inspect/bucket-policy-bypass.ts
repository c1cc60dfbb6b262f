import type { Principal, SessionPrincipal } from '../../grants/principal.ts'
import { like, nameOf, parseBucketPolicy, type Statement } from '../../policies/policy-grammar.ts'
import { ACTIONS } from '../../rules/levels.ts'

/**
 * What a bucket's policy allows to sessions as such, or to everybody, is not met with their session policy (IAM User Guide, "Session policies"): it
 * would have neither the scope nor the end of the grant. What it allows to the role by its ARN, or to its account, is. What is not understood
 * lets them in. Sentences for the operator.
 */
export function findBypasses(document: string, principal: Principal): readonly string[] {
  const statements = parseBucketPolicy(document)
  if (!statements) return ['The bucket policy is not as IAM writes one; Latchkey cannot tell whom it lets in.']
  if (principal.driver !== 'session') return []
  return statements
    .filter((one) => letsIn(one, principal) && !isPublicReading(one))
    .map(
      ({ Action = ['*'] }) =>
        `The bucket policy allows ${Action.join(', ')} to sessions of ${principal.roleArn}, beside their session policy; take it out, or name who is meant by ARN.`,
    )
}

const READING: ReadonlySet<string> = new Set(
  [...ACTIONS.read.object, ...ACTIONS.read.list].map((one) => one.toLowerCase()),
)

/** On no condition, so it is meant: it gives nobody of ours what others do not have. */
export function isPublicReading({ Effect, Principal, Action, Condition }: Statement): boolean {
  if (Effect !== 'Allow' || !Principal?.AWS?.includes('*') || Object.keys(Condition).length > 0) return false
  return Action?.every((action) => READING.has(action.toLowerCase())) === true
}

function letsIn({ Effect, Principal, Condition }: Statement, principal: SessionPrincipal): boolean {
  if (Effect !== 'Allow') return false
  // An Allow of all but somebody means our sessions too: each of them would have to be named.
  if (!Principal) return true
  const isNamed = (Principal.AWS ?? []).some((name) => name !== principal.roleArn && isOurs(name, principal))
  return isNamed && !isExcluded(Condition, principal)
}

/** The others say nothing of who is not meant: `…IfExists` and `ForAllValues:…` hold without the key. */
const POSITIVE: readonly string[] = ['stringequals', 'stringlike', 'arnequals', 'arnlike']
const WHO: readonly string[] = ['aws:principalarn', 'aws:userid']
const WHOSE: readonly string[] = ['aws:principalaccount', 'aws:sourceaccount']

/** All conditions of a statement must hold: one that never does for our sessions is enough. */
function isExcluded(conditions: Statement['Condition'], principal: SessionPrincipal): boolean {
  return Object.entries(conditions)
    .filter(([operator]) => POSITIVE.includes(operator.toLowerCase()))
    .flatMap(([, keys]) => Object.entries(keys))
    .some(([key, values]) => {
      if (WHO.includes(key.toLowerCase())) return !values.some((value) => isOurs(value, principal))
      return WHOSE.includes(key.toLowerCase()) && !values.some((value) => like(widened(value), principal.account))
    })
}

/** Whether the pattern can mean the role or some session of it, whose names begin in `g-`. */
function isOurs(pattern: string, { account, roleArn, roleId }: SessionPrincipal): boolean {
  const wide = widened(pattern)
  const sessions = [`${roleId}:g-`, `arn:aws:sts::${account}:assumed-role/${nameOf(roleArn)}/g-`]
  return [roleArn, roleId].some((name) => like(wide, name)) || sessions.some((start) => meetsBeginning(wide, start))
}

/** Some beginning of the pattern is used up by the text: what is left of it, some name goes on with. */
function meetsBeginning(pattern: string, start: string): boolean {
  return [...pattern].some((_, place) => like(pattern.slice(0, place + 1), start))
}

/** What a policy variable stands for, is not known here. */
function widened(pattern: string): string {
  return pattern.replace(/\$\{[^}]*\}/g, '*')
}
