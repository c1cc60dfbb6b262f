import type { Principal, SessionPrincipal } from '../../grants/principal.ts'
import { like, nameOf, parseBucketPolicy, type Statement } from '../../policies/policy-grammar.ts'
import { ACTIONS } from '../../rules/levels.ts'

/**
 * Finds statements of a bucket policy that bypass the session policy, and so the grant's scope and end: those that
 * allow the sessions themselves, or everybody (IAM User Guide, "Session policies"). An Allow for the role's ARN or its
 * account does not.
 * A statement that is not understood counts as a bypass.
 * @returns sentences for the operator
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

/** An unconditional Allow for everybody to read. It gives a requester nothing that other people do not have. */
export function isPublicReading({ Effect, Principal, Action, Condition }: Statement): boolean {
  if (Effect !== 'Allow' || !Principal?.AWS?.includes('*') || Object.keys(Condition).length > 0) return false
  return Action?.every((action) => READING.has(action.toLowerCase())) === true
}

function letsIn({ Effect, Principal, Condition }: Statement, principal: SessionPrincipal): boolean {
  if (Effect !== 'Allow') return false
  // An Allow with NotPrincipal covers our sessions: it would have to name each session to exclude it.
  if (!Principal) return true
  const isNamed = (Principal.AWS ?? []).some((name) => name !== principal.roleArn && canMatch(name, principal))
  return isNamed && !isExcluded(Condition, principal)
}

/**
 * Operators that can exclude a principal. Others, as `…IfExists` and `ForAllValues:…`, also hold when the key is
 * missing.
 */
const EXCLUDING_OPERATORS: readonly string[] = ['stringequals', 'stringlike', 'arnequals', 'arnlike']
const PRINCIPAL_KEYS: readonly string[] = ['aws:principalarn', 'aws:userid']
const ACCOUNT_KEYS: readonly string[] = ['aws:principalaccount', 'aws:sourceaccount']

/**
 * Whether at least one of the conditions never holds for our sessions. Then the statement does not apply to them, because
 * all of its conditions must hold.
 */
function isExcluded(conditions: Statement['Condition'], principal: SessionPrincipal): boolean {
  return Object.entries(conditions)
    .filter(([operator]) => EXCLUDING_OPERATORS.includes(operator.toLowerCase()))
    .flatMap(([, keys]) => Object.entries(keys))
    .some(([key, values]) => {
      if (PRINCIPAL_KEYS.includes(key.toLowerCase())) return !values.some((value) => canMatch(value, principal))
      return (
        ACCOUNT_KEYS.includes(key.toLowerCase()) &&
        !values.some((value) => like(widenVariables(value), principal.account))
      )
    })
}

/** Whether the pattern can match the role or one of its sessions. Their names begin with `g-`. */
function canMatch(pattern: string, { account, roleArn, roleId }: SessionPrincipal): boolean {
  const widened = widenVariables(pattern)
  const sessions = [`${roleId}:g-`, `arn:aws:sts::${account}:assumed-role/${nameOf(roleArn)}/g-`]
  return (
    [roleArn, roleId].some((name) => like(widened, name)) || sessions.some((start) => canMatchStart(widened, start))
  )
}

/**
 * Whether some text that begins with `start` matches: a beginning of the pattern matches `start`, the rest matches what
 * follows.
 */
function canMatchStart(pattern: string, start: string): boolean {
  return [...pattern].some((_, index) => like(pattern.slice(0, index + 1), start))
}

/** Replaces policy variables by `*`, because their values are not known here. */
function widenVariables(pattern: string): string {
  return pattern.replace(/\$\{[^}]*\}/g, '*')
}
