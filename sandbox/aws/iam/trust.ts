import type { AwsState, Role } from '../state.ts'

/**
 * IAM keeps a trust policy by the unique ids of whom it names (IAM User Guide, "Principal": "IAM roles", "IAM users").
 * Whoever is deleted is shown by id from then on, and is not trusted again when somebody of the same name comes.
 */

export function trustedIds(document: string, state: AwsState): ReadonlyMap<string, string> {
  const ids = namedIn(document).map((arn) => [arn, idOf(arn, state)] as const)
  return new Map(ids.flatMap(([arn, id]) => (id === undefined ? [] : [[arn, id] as const])))
}

/** The trust policy as IAM shows and enforces it today. */
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

/** Every name under a statement's `Principal.AWS`, and nothing else of the document. */
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
