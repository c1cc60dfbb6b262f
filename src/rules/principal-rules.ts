import type { DirectoryAttribute, Person } from './directory.ts'
import type { Account, PrincipalRule, Rules } from './rules.ts'

/** Whose own role or user holds grants of the driver `attach`: a row of the rules, for one person. */
export interface OwnIdentity {
  readonly kind: 'role' | 'user'
  readonly name: string
  /** Of a role: the name that this person's session always has. */
  readonly sessionName?: string
  /** Of a role: the attribute of the person that this name is. */
  readonly namedAfter?: DirectoryAttribute
}

interface Who {
  readonly person: Person
  readonly groups: ReadonlySet<string>
}

const SESSION_NAME = /^[\w+=,.@-]{2,64}$/

/** No row, or two that differ, is no principal: which of two is meant must not depend on an order. */
export function findOwnIdentity(
  rules: Rules,
  account: Account,
  { person, groups }: Who,
): OwnIdentity | { readonly problem: string } {
  const rows = (rules.principals.get(account.name) ?? []).filter(({ who }) =>
    who.kind === 'person' ? who.id === person.objectId : groups.has(who.id),
  )
  const found = rows.map((row) => principalIdOf(row, person))
  const [first, ...others] = found
  if (!first) return { problem: `The rules name no role or user of yours in account ${account.name}.` }
  if (others.some((other) => JSON.stringify(other) !== JSON.stringify(first)))
    return {
      problem: `The rules name more than one role or user of yours in account ${account.name}, and they differ.`,
    }
  return first
}

function principalIdOf(
  { kind, name, sessionName }: PrincipalRule,
  person: Person,
): OwnIdentity | { readonly problem: string } {
  if (kind === 'user' || sessionName === undefined) return { kind, name }
  const value = person.attributes?.[sessionName]
  if (value === undefined || !SESSION_NAME.test(value))
    return { problem: `The directory does not say what your sessions are called (${sessionName}).` }
  return { kind, name, sessionName: value, namedAfter: sessionName }
}

interface Numbered {
  readonly elevationRole: string
  /** Itself included. */
  readonly copies: number
}

/** Path and name of the elevation role and of its numbered copies. @example latchkey/prod, latchkey/prod-2, latchkey/prod-3 */
export function elevationRoles({ elevationRole, copies }: Numbered): readonly string[] {
  return Array.from({ length: copies }, (_, index) => (index === 0 ? elevationRole : `${elevationRole}-${index + 1}`))
}
