import { z } from 'zod'
import { parseJson } from '../../policies/parse-json.ts'
import { NEVER } from '../../rules/levels.ts'

/**
 * Compares the trust policy and boundary of a person's role or user with what Latchkey demands before it writes
 * policies there. Each function returns its faults as sentences, and an empty list when it found none. What a function does
 * not understand is a fault.
 */

const oneOrMore = z.union([z.string(), z.array(z.string())]).transform((value) => [value].flat())
const condition = z.record(z.string(), z.record(z.string(), oneOrMore))
const policy = z.object({
  // Only documents of this version have policy variables (IAM User Guide, "Version").
  Version: z.literal('2012-10-17'),
  Statement: z.union([z.array(z.unknown()), z.unknown().transform((one) => [one])]),
})

const trustDeny = z.looseObject({ Effect: z.literal('Deny') })
const trustAllow = z.strictObject({
  Sid: z.string().optional(),
  Effect: z.literal('Allow'),
  Principal: z.strictObject({ AWS: oneOrMore.default([]), Federated: oneOrMore.default([]) }),
  Action: oneOrMore,
  Condition: condition.default({}),
})

type TrustAllow = z.infer<typeof trustAllow>

const WITH_SAML = 'sts:assumerolewithsaml'
const WITH_TOKEN = 'sts:assumerolewithwebidentity'
const ENTER_ACTIONS: readonly string[] = ['sts:assumerole', WITH_SAML, WITH_TOKEN]
/** Actions that let nobody in by themselves and say nothing about the session's name. */
const HARMLESS_ACTIONS: readonly string[] = ['sts:tagsession', 'sts:setsourceidentity']

/** IAM's variable for the name of the calling IAM user. Only IAM users have one. */
const USER_NAME = `\${aws:username}`
const SAML_PROVIDER = /^arn:aws[a-z-]*:iam::\d{12}:saml-provider\/[\w.-]+$/
const TOKEN_PROVIDER = /^arn:aws[a-z-]*:iam::\d{12}:oidc-provider\/(.+)$/
const ACCOUNT = /^(?:arn:aws[a-z-]*:iam::)?(\d{12})(?::(?:root|(?:user|role)\/[\w+=,.@/-]+))?$/

/**
 * All sessions of a role use its inline policies, so a grant is bound to one session name. People must not be able to
 * choose that name: it has to be the name of their IAM user, or be given by the identity provider.
 *
 * Names are unique only within one account or provider, so the trust policy may let people in from one only.
 */
export function attachTrustFaults(document: string): readonly string[] {
  const statements = parseTrust(document)
  if (typeof statements === 'string') return [`The trust policy ${statements}`]
  const origins = new Set(statements.filter((one) => enterActionsOf(one).length > 0).flatMap(originsOf))
  return [
    ...statements.flatMap(trustStatementFaults),
    ...(origins.size > 1
      ? [`The trust policy lets people in from ${origins.size} places, and two of them may have one name; keep one.`]
      : []),
  ]
}

function parseTrust(document: string): readonly TrustAllow[] | string {
  const { data } = policy.safeParse(parseJson(document))
  if (!data) return 'is no document of version 2012-10-17; write it anew.'
  const rest = data.Statement.filter((one) => !trustDeny.safeParse(one).success)
  const parsed = rest.map((one) => trustAllow.safeParse(one))
  if (!parsed.every(({ success }) => success))
    return 'lets somebody in by a statement that is not plain; write out who may do what.'
  return parsed.flatMap(({ data: one }) => one ?? [])
}

function actionsOf({ Action }: TrustAllow): readonly string[] {
  return Action.map((action) => action.toLowerCase())
}

function enterActionsOf(statement: TrustAllow): readonly string[] {
  return actionsOf(statement).filter((name) => !HARMLESS_ACTIONS.includes(name))
}

function originsOf({ Principal }: TrustAllow): readonly string[] {
  return [...Principal.AWS.map((name) => ACCOUNT.exec(name)?.[1] ?? name), ...Principal.Federated]
}

function trustStatementFaults(statement: TrustAllow): readonly string[] {
  const { Principal } = statement
  const enterActions = enterActionsOf(statement)
  if (enterActions.length === 0) return []
  const beyond = enterActions.filter((name) => !ENTER_ACTIONS.includes(name))
  if (beyond.length > 0) return beyond.map((name) => `The trust policy allows ${name}; write out sts:AssumeRole.`)
  if (enterActions.length > 1)
    return ['The trust policy lets people in by several actions in one statement; part them.']
  if (Principal.AWS.length > 0 && Principal.Federated.length > 0)
    return ['The trust policy names accounts and identity providers in one statement; part them.']
  if (enterActions[0] === WITH_SAML) return samlFaults(Principal.Federated)
  return enterActions[0] === WITH_TOKEN ? tokenFaults(statement) : userFaults(statement)
}

/** With SAML the session's name comes from the assertion, which the provider signs. */
function samlFaults(providers: readonly string[]): readonly string[] {
  if (providers.length > 0 && providers.every((arn) => SAML_PROVIDER.test(arn))) return []
  return ['The trust policy allows sts:AssumeRoleWithSAML to what is no SAML provider.']
}

/** With a web identity token the caller chooses the session's name, unless the policy demands the token's subject. */
function tokenFaults({ Principal: { Federated }, Condition }: TrustAllow): readonly string[] {
  const hosts = Federated.map((arn) => TOKEN_PROVIDER.exec(arn)?.[1] ?? '')
  const [host] = hosts
  if (!host || hosts.length > 1)
    return ['The trust policy allows sts:AssumeRoleWithWebIdentity to more than one provider.']
  return demandedSessionNames(Condition).every((name) => name === `\${${host}:sub}`) &&
    demandedSessionNames(Condition).length > 0
    ? []
    : [freeNameFault('sts:AssumeRoleWithWebIdentity', `\${${host}:sub}`)]
}

function userFaults({ Principal: { AWS, Federated }, Condition }: TrustAllow): readonly string[] {
  const wide = [...AWS, ...Federated].filter((name) => !ACCOUNT.test(name))
  if (wide.length > 0) return wide.map((name) => `The trust policy names ${name}; name an account, its users or roles.`)
  const names = demandedSessionNames(Condition)
  const isFixed = names.length > 0 && names.every((name) => name === USER_NAME)
  return isFixed ? [] : [freeNameFault('sts:AssumeRole', USER_NAME)]
}

function freeNameFault(action: string, name: string): string {
  return `The trust policy lets people choose their session's name (${action}); demand that sts:RoleSessionName is ${name}.`
}

/**
 * The values that the conditions demand for sts:RoleSessionName. IAM ignores case in operators and keys; `…IfExists`
 * and `ForAnyValue:…` are other operators and do not count.
 */
function demandedSessionNames(all: TrustAllow['Condition']): readonly string[] {
  return Object.entries(all)
    .filter(([operator]) => ['stringequals', 'stringlike'].includes(operator.toLowerCase()))
    .flatMap(([, keys]) => Object.entries(keys))
    .filter(([key]) => key.toLowerCase() === 'sts:rolesessionname')
    .flatMap(([, values]) => values)
}

/** IAM has no condition key for the content of an inline policy, so the boundary must deny these actions. */
const REFUSED: readonly string[] = ['iam:*', 'organizations:*', 'account:*', 'sso:*', ...NEVER]

const boundaryDeny = z.looseObject({
  Effect: z.literal('Deny'),
  Action: oneOrMore,
  Resource: oneOrMore,
  Condition: z.record(z.string(), z.unknown()).default({}),
})

interface Denied {
  readonly actions: readonly string[]
  readonly resources: readonly string[]
}

/**
 * The permissions boundary may allow the person everything else. It must deny the `REFUSED` actions without a
 * condition.
 */
export function attachBoundaryFaults(document: string): readonly string[] {
  const { data } = policy.safeParse(parseJson(document))
  if (!data) return ['The permissions boundary is no document of version 2012-10-17; write it anew.']
  const denied = data.Statement.flatMap((one) => {
    const { data: deny } = boundaryDeny.safeParse(one)
    if (!deny || Object.keys(deny.Condition).length > 0) return []
    return [{ actions: deny.Action, resources: deny.Resource }]
  })
  const missing = REFUSED.filter((action) => !isDenied(denied, action, '*'))
  const entering = isDenied(denied, 'sts:AssumeRole', 'arn:aws:iam::*:role/latchkey/*')
  return [
    ...missing.map((action) => `The permissions boundary does not deny ${action} on everything; let it.`),
    ...(entering
      ? []
      : ['The permissions boundary does not deny sts:AssumeRole on role/latchkey/* of any account; let it.']),
  ]
}

function isDenied(denied: readonly Denied[], action: string, resource: string): boolean {
  return denied.some(
    ({ actions, resources }) =>
      actions.some((pattern) => covers(pattern.toLowerCase(), action.toLowerCase())) &&
      resources.some((pattern) => covers(pattern, resource)),
  )
}

/** Whether an IAM pattern matches all that `other` matches. A star in `other` is matched by a star only. */
function covers(pattern: string, other: string): boolean {
  const source = pattern
    .replace(/[^*?]/g, '\\$&')
    .replace(/\\([\w\s])/g, '$1')
    .replace(/\*/g, '.*')
    .replace(/\?/g, '[^*]')
  return new RegExp(`^${source}$`).test(other)
}
