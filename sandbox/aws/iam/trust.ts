import type { AwsState, Role } from '../state.ts'

/**
 * IAM stores the principals of a trust policy by unique id (IAM User Guide, "Principal": "IAM roles", "IAM users").
 * After a principal is deleted, IAM shows its id. A new principal of the same name is not trusted.
 */

export function trustedIds(document: string, state: AwsState): ReadonlyMap<string, string> {
  const ids = namedIn(document).map((arn) => [arn, idOf(arn, state)] as const)
  return new Map(ids.flatMap(([arn, id]) => (id === undefined ? [] : [[arn, id] as const])))
}

/** The trust policy as IAM shows and enforces it now. */
export function trustToday({ trustPolicy, trusted }: Role, state: AwsState): string {
  const gone = new Map([...(trusted ?? [])].filter(([arn, id]) => idOf(arn, state) !== id))
  return gone.size === 0 ? trustPolicy : JSON.stringify(replaced(JSON.parse(trustPolicy), gone))
}

function idOf(arn: string, state: AwsState): string | undefined {
  const [, account = '', kind, name = ''] = /^arn:aws:iam::(\d{12}):(role|user)\/(?:.*\/)?([^/]+)$/.exec(arn) ?? []
  const there = state.accounts.get(account)
  if (kind === 'role') return there?.roles.get(name)?.roleId
  return kind === 'user' ? there?.users.get(name)?.userId : undefined
}

function namedIn(document: string): readonly string[] {
  const names: string[] = []
  const collect = (name: string) => {
    names.push(name)
    return name
  }
  mapPrincipals(JSON.parse(document), collect)
  return names
}

function replaced(document: unknown, by: ReadonlyMap<string, string>): unknown {
  return mapPrincipals(document, (name) => by.get(name) ?? name)
}

/** Changes every name under a statement's `Principal.AWS` and nothing else. */
function mapPrincipals(document: unknown, change: (name: string) => string): unknown {
  if (!isRecord(document)) return document
  const { Statement } = document
  const one = (statement: unknown) => {
    if (!isRecord(statement) || !isRecord(statement.Principal)) return statement
    const { AWS } = statement.Principal
    const named = Array.isArray(AWS) ? AWS.map((name) => change(String(name))) : AWS && change(String(AWS))
    return { ...statement, Principal: { ...statement.Principal, AWS: named } }
  }
  return { ...document, Statement: Array.isArray(Statement) ? Statement.map(one) : one(Statement) }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
