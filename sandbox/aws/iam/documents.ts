import { AwsError } from '../call.ts'
import { type PolicyDocument, PolicyFault, parsePolicy, type Statement } from '../policy.ts'
import type { AwsState } from '../state.ts'

/** The checks that IAM makes on a document before it stores it. */

/** The size that counts for quotas: white space is not counted (IAM quotas). */
export function policySize(document: string): number {
  return document.replace(/\s/g, '').length
}

/** Checks a policy of an identity, a boundary or a session: no Principal, and every Resource an ARN or `*`. */
export function checkIdentityPolicy(document: string): void {
  for (const statement of parse(document).statements) {
    if (statement.principals !== undefined || statement.notPrincipals !== undefined) {
      throw malformed('Policy document should not specify a principal.')
    }
    const resources = statement.resources ?? statement.notResources
    if (resources === undefined) throw malformed('Policy statement must contain resources.')
    for (const resource of resources) {
      if (resource !== '*' && !/^arn:[^:]*:./.test(resource)) {
        throw malformed(`Resource ${resource} must be in ARN format or "*".`)
      }
    }
    checkSid(statement)
  }
}

/** Checks a role's trust policy: principals and STS actions only, and no Resource. */
export function checkTrustPolicy(document: string, state: AwsState): void {
  for (const statement of parse(document).statements) {
    if (statement.resources !== undefined || statement.notResources !== undefined) {
      throw malformed('Has prohibited field Resource')
    }
    const principals = statement.principals ?? statement.notPrincipals
    if (principals === undefined) throw malformed('Missing required field Principal')
    for (const action of statement.actions ?? statement.notActions ?? []) {
      if (!/^sts:/i.test(action)) throw malformed('AssumeRole policy may only specify STS AssumeRole actions.')
    }
    for (const name of principals.AWS ?? []) checkPrincipal(name, state)
    checkSid(statement)
  }
}

/** IAM resolves principals when it stores the document. Principals of accounts outside the sandbox are accepted unresolved. */
export function checkPrincipal(name: string, state: AwsState, refuse = invalidPrincipal): void {
  if (name === '*' || /^\d{12}$/.test(name)) return
  const [, service, account, kind, rest] = /^arn:aws:(iam|sts)::(\d{12}):([a-z-]+)(?:\/(.+))?$/.exec(name) ?? []
  const last = rest?.split('/').at(-1) ?? ''
  const there = state.accounts.get(account ?? '')
  const known =
    account !== undefined &&
    (there === undefined ||
      kind === 'root' ||
      (service === 'sts' && kind === 'assumed-role') ||
      (kind === 'user' && there.users.get(last)?.arn === name) ||
      (kind === 'role' && there.roles.get(last)?.arn === name))
  if (!known) throw refuse(name)
}

function invalidPrincipal(name: string): AwsError {
  return malformed(`Invalid principal in policy: "AWS":"${name}"`)
}

function checkSid({ sid }: Statement): void {
  if (sid !== undefined && !/^[A-Za-z0-9]*$/.test(sid)) {
    throw malformed(
      'Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*',
    )
  }
}

function parse(document: string): PolicyDocument {
  try {
    return parsePolicy(document)
  } catch (error) {
    if (error instanceof PolicyFault) throw malformed(error.message)
    throw error
  }
}

function malformed(message: string): AwsError {
  return new AwsError('MalformedPolicyDocument', 400, message)
}
