/** The grammar of an IAM document (IAM User Guide, "Grammar of the IAM JSON policy language"). */

export interface Condition {
  /** The operator as written, such as `ForAnyValue:StringLikeIfExists`. */
  readonly operator: string
  readonly key: string
  readonly values: readonly string[]
}

export interface Principals {
  /** `AWS`, `Service`, `Federated` or `CanonicalUser`. A bare `"*"` is read as `AWS: ['*']`. */
  readonly [kind: string]: readonly string[]
}

export interface Statement {
  readonly effect: 'Allow' | 'Deny'
  readonly sid: string | undefined
  readonly principals: Principals | undefined
  readonly notPrincipals: Principals | undefined
  readonly actions: readonly string[] | undefined
  readonly notActions: readonly string[] | undefined
  readonly resources: readonly string[] | undefined
  readonly notResources: readonly string[] | undefined
  readonly conditions: readonly Condition[]
}

export interface PolicyDocument {
  readonly version: '2012-10-17' | '2008-10-17'
  readonly statements: readonly Statement[]
}

/** The document does not follow IAM's grammar. The message is IAM's sentence about it. */
export class PolicyFault extends Error {}

const STATEMENT_KEYS = new Set([
  'Sid',
  'Effect',
  'Principal',
  'NotPrincipal',
  'Action',
  'NotAction',
  'Resource',
  'NotResource',
  'Condition',
])

const OPERATOR =
  /^(?:(?:ForAllValues|ForAnyValue):)?(?:(?:String(?:Not)?Equals(?:IgnoreCase)?|String(?:Not)?Like|Arn(?:Not)?(?:Equals|Like)|(?:Numeric|Date)(?:(?:Not)?Equals|(?:Less|Greater)Than(?:Equals)?)|Bool|BinaryEquals|(?:Not)?IpAddress)(?:IfExists)?|Null)$/

export function parsePolicy(text: string): PolicyDocument {
  const json = record(parseJson(text), 'Syntax errors in policy.')
  for (const key of Object.keys(json)) {
    if (!['Version', 'Id', 'Statement'].includes(key)) throw new PolicyFault('Syntax errors in policy.')
  }
  const version = json.Version ?? '2008-10-17'
  if (version !== '2012-10-17' && version !== '2008-10-17') {
    throw new PolicyFault('The policy must contain a valid version string')
  }
  const statements = Array.isArray(json.Statement) ? json.Statement : [json.Statement]
  if (json.Statement === undefined || statements.length === 0) throw new PolicyFault('Syntax errors in policy.')
  const parsed = statements.map(parseStatement)
  const sids = parsed.map((one) => one.sid).filter((sid) => sid !== undefined && sid !== '')
  if (new Set(sids).size !== sids.length) {
    throw new PolicyFault('Statement IDs (SID) in a single policy must be unique.')
  }
  return { version, statements: parsed }
}

function parseStatement(raw: unknown): Statement {
  const json = record(raw, 'Syntax errors in policy.')
  for (const key of Object.keys(json)) if (!STATEMENT_KEYS.has(key)) throw new PolicyFault('Syntax errors in policy.')
  const { Effect: effect, Sid: sid } = json
  if (effect !== 'Allow' && effect !== 'Deny') throw new PolicyFault('Syntax errors in policy.')
  if (sid !== undefined && typeof sid !== 'string') throw new PolicyFault('Syntax errors in policy.')
  const statement: Statement = {
    effect,
    sid,
    principals: parsePrincipals(json.Principal),
    notPrincipals: parsePrincipals(json.NotPrincipal),
    actions: strings(json.Action),
    notActions: strings(json.NotAction),
    resources: strings(json.Resource),
    notResources: strings(json.NotResource),
    conditions: parseConditions(json.Condition),
  }
  refuseBoth(statement)
  return statement
}

function refuseBoth(statement: Statement): void {
  const { actions, notActions, resources, notResources, principals, notPrincipals } = statement
  if (actions === undefined && notActions === undefined) {
    throw new PolicyFault('Policy statement must contain actions.')
  }
  const both = [
    [actions, notActions],
    [resources, notResources],
    [principals, notPrincipals],
  ].some(([one, other]) => one !== undefined && other !== undefined)
  if (both) throw new PolicyFault('Syntax errors in policy.')
  for (const action of actions ?? notActions ?? []) {
    if (action !== '*' && !/^[a-zA-Z0-9-]+:[a-zA-Z0-9*?]+$/.test(action)) {
      throw new PolicyFault(
        action.includes(':')
          ? `Vendor ${action.split(':')[0]} is not valid`
          : 'Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.',
      )
    }
  }
}

function parsePrincipals(raw: unknown): Principals | undefined {
  if (raw === undefined) return undefined
  if (raw === '*') return { AWS: ['*'] }
  const json = record(raw, 'Invalid principal in policy.')
  const parsed: Record<string, readonly string[]> = {}
  for (const [kind, value] of Object.entries(json)) {
    if (!['AWS', 'Service', 'Federated', 'CanonicalUser'].includes(kind)) {
      throw new PolicyFault('Invalid principal in policy.')
    }
    parsed[kind] = strings(value) ?? []
  }
  return parsed
}

function parseConditions(raw: unknown): Condition[] {
  if (raw === undefined) return []
  return Object.entries(record(raw, 'Syntax errors in policy.')).flatMap(([operator, keys]) => {
    if (!OPERATOR.test(operator)) throw new PolicyFault(`Invalid Condition type : ${operator}.`)
    return Object.entries(record(keys, 'Syntax errors in policy.')).map(([key, values]) => {
      if (!key.includes(':')) throw new PolicyFault(`Condition key ${key} must be prefaced by a vendor.`)
      return { operator, key, values: strings(values) ?? [] }
    })
  })
}

function strings(raw: unknown): string[] | undefined {
  if (raw === undefined) return undefined
  return (Array.isArray(raw) ? raw : [raw]).map((one: unknown) => {
    if (typeof one === 'string') return one
    if (typeof one === 'number' || typeof one === 'boolean') return String(one)
    throw new PolicyFault('Syntax errors in policy.')
  })
}

function record(raw: unknown, fault: string): Readonly<Record<string, unknown>> {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) throw new PolicyFault(fault)
  return Object.fromEntries(Object.entries(raw))
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new PolicyFault('This policy contains invalid Json', { cause: error })
  }
}
