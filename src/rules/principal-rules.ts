import type { DirectoryAttribute, Person } from './directory.ts'
import type { Account, PrincipalRule, Rules } from './rules.ts'

/** A person's own role or user, on which grants of the driver `attach` are made. */
export interface OwnIdentity {
  readonly kind: 'role' | 'user'
  readonly name: string
  /** Only for a role: the session name that this person always has. */
  readonly sessionName?: string
  /** Only for a role: the directory attribute whose value is the person's session name. */
  readonly namedAfter?: DirectoryAttribute
}

interface Who {
  readonly person: Person
  readonly groups: ReadonlySet<string>
}

const SESSION_NAME = /^[\w+=,.@-]{2,64}$/

/**
 * Finds the person's own role or user in the rules. No row, or two rows that differ, is a problem: the choice must not
 * depend on the order of rows.
 */
export function findOwnIdentity(
  rules: Rules,
  account: Account,
  { person, groups }: Who,
): OwnIdentity | { readonly problem: string } {
  const rows = (rules.principals.get(account.name) ?? []).filter(({ who }) =>
    who.kind === 'person' ? who.id === person.objectId : groups.has(who.id),
  )
  const identities = rows.map((row) => ownIdentityOf(row, person))
  const [first, ...others] = identities
  if (!first) return { problem: `The rules name no role or user of yours in account ${account.name}.` }
  if (others.some((other) => JSON.stringify(other) !== JSON.stringify(first)))
    return {
      problem: `The rules name more than one role or user of yours in account ${account.name}, and they differ.`,
    }
  return first
}

function ownIdentityOf(
  { kind, name, sessionName }: PrincipalRule,
  person: Person,
): OwnIdentity | { readonly problem: string } {
  if (kind === 'user' || sessionName === undefined) return { kind, name }
  const value = person.attributes?.[sessionName]
  if (value === undefined || !SESSION_NAME.test(value))
    return { problem: `The directory does not say what your sessions are called (${sessionName}).` }
  return { kind, name, sessionName: value, namedAfter: sessionName }
}

interface RoleWithReplicas {
  readonly elevationRole: string
  /** Number of replicas, the role itself included. */
  readonly copies: number
}

/** Path and name of the elevation role and its replicas. @example latchkey/prod, latchkey/prod-2, latchkey/prod-3 */
export function elevationRoles({ elevationRole, copies }: RoleWithReplicas): readonly string[] {
  return Array.from({ length: copies }, (_, index) => (index === 0 ? elevationRole : `${elevationRole}-${index + 1}`))
}
