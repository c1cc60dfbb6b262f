import { z } from 'zod'
import { elevationRoles } from '../principal-rules.ts'
import { parseScope } from '../scope.ts'
import {
  attempt,
  type LooseEntitlement,
  type LooseFile,
  looseBucket,
  map,
  missing,
  subjectMissing,
} from './loose-file.ts'
import type { KeyPath, PathFault } from './rules-faults.ts'

/** Characters of a role name (IAM API reference, RoleName). */
const MAX_ROLE_NAME = 64

const looseAccount = z.object({
  elevationRole: z.string(),
  copies: z.int().min(1).max(20).catch(1),
  hub: z.object({ role: z.string(), reader: z.string() }).optional().catch(undefined),
})

/** Faults of role names. A name must be unique in its account; IAM ignores path and case. */
export function accountFaults(file: LooseFile): readonly PathFault[] {
  return Object.entries(file.accounts).flatMap(([account, detail]) => {
    const { data } = looseAccount.safeParse(detail)
    if (!data) return []
    const at: KeyPath = ['accounts', account]
    const own = elevationRoles(data).map(nameOf)
    const longest = own.at(-1) ?? ''
    const tooLong = `The name of its last copy, ${longest}, has ${longest.length} characters; IAM takes ${MAX_ROLE_NAME}.`
    const { role, reader } = data.hub ?? {}
    return [
      ...(longest.length > MAX_ROLE_NAME ? [fault([...at, 'elevationRole'], tooLong)] : []),
      ...nameTakenFaults(role, own, [...at, 'hub', 'role']),
      ...nameTakenFaults(reader, [...own, ...(role === undefined ? [] : [nameOf(role)])], [...at, 'hub', 'reader']),
    ]
  })
}

function nameTakenFaults(role: string | undefined, names: readonly string[], path: KeyPath): readonly PathFault[] {
  if (role === undefined || !names.some((name) => isSameName(name, nameOf(role)))) return []
  return [fault(path, `Another role of this account has the name ${nameOf(role)}. Give this one a name of its own.`)]
}

const looseOwnIdentity = z
  .object({ role: z.string().optional(), user: z.string().optional(), sessionName: z.unknown().optional() })
  .catch({ role: undefined, user: undefined, sessionName: undefined })
type LooseOwnIdentity = z.output<typeof looseOwnIdentity>

/**
 * Faults under `principals`: names that the file does not define, and roles or users in whose requests AWS could not
 * tell people apart.
 */
export function principalFaults(file: LooseFile): readonly PathFault[] {
  return Object.entries(file.principals).flatMap(([account, rows]) => {
    const at: KeyPath = ['principals', account]
    const named = Object.entries(map.parse(rows)).map(
      ([who, ownIdentity]) => [who, looseOwnIdentity.parse(ownIdentity)] as const,
    )
    const users = named.flatMap(([, { user }]) => user ?? [])
    const ownIdentities = named.map(([, ownIdentity]) => ownIdentity)
    return [
      ...missing(file.accounts, 'accounts', account, at, 'key'),
      ...named.flatMap(([who, ownIdentity]) => [
        ...mixedAttributeFaults(ownIdentity, ownIdentities, [...at, who, 'sessionName']),
        ...subjectMissing(file, who, [...at, who], 'key'),
        ...ownIdentityFaults(ownIdentity, [...at, who]),
        ...userFaults(who, ownIdentity, users, [...at, who, 'user']),
        ...ownRoleFaults(file, account, ownIdentity, [...at, who, 'role']),
      ]),
    ]
  })
}

function ownIdentityFaults({ role, user, sessionName }: LooseOwnIdentity, path: KeyPath): readonly PathFault[] {
  if ((role === undefined) === (user === undefined))
    return [fault(path, 'Expected either `role` and `sessionName`, or `user`.')]
  if (user !== undefined && sessionName !== undefined)
    return [fault([...path, 'sessionName'], 'A user has no sessions. Remove `sessionName`.')]
  if (role !== undefined && sessionName === undefined)
    return [fault(path, 'Many share a role: `sessionName` says what the sessions of this person are called there.')]
  // Nobody can edit roles that IAM Identity Center made (IAM User Guide).
  if (role?.startsWith('AWSReservedSSO_'))
    return [
      fault([...path, 'role'], 'AWS lets nobody write into a role of IAM Identity Center. Use the driver session.'),
    ]
  return []
}

/** A user must belong to one person: everybody with the user's access keys could use its grants. */
function userFaults(
  who: string,
  { user }: LooseOwnIdentity,
  users: readonly string[],
  path: KeyPath,
): readonly PathFault[] {
  if (user === undefined) return []
  if (who.startsWith('group:')) return [fault(path, 'A user is one person. Name it under person:<name>.')]
  if (users.filter((other) => isSameName(other, user)).length === 1) return []
  return [fault(path, `The user ${user} is here twice: a user is one person.`)]
}

/**
 * All rows of one role must name the same attribute. The directory checks uniqueness within one attribute only, and one
 * person's sign-in name may be another's mail address.
 */
function mixedAttributeFaults(
  { role, sessionName }: LooseOwnIdentity,
  ownIdentities: readonly LooseOwnIdentity[],
  path: KeyPath,
): readonly PathFault[] {
  const others = ownIdentities.filter((other) => isSameName(other.role, role))
  if (others.every((other) => other.role === role && other.sessionName === sessionName)) return []
  const alike = `The role ${role} is written in one way, and its sessions are called after one attribute.`
  return [fault(path, `${alike} Name the same in each row.`)]
}

function ownRoleFaults(
  file: LooseFile,
  account: string,
  { role }: LooseOwnIdentity,
  path: KeyPath,
): readonly PathFault[] {
  const { data } = looseAccount.safeParse(file.accounts[account])
  if (!data || !elevationRoles(data).some((own) => isSameName(nameOf(own), role))) return []
  return [fault(path, `${role} is an elevation role of Latchkey. Name the role that these people work with.`)]
}

/**
 * An entitlement with the driver `attach` needs `principals` in each of its accounts; without them every request would
 * fail.
 */
export function attachFaults(file: LooseFile, { driver, scopes }: LooseEntitlement, at: KeyPath): readonly PathFault[] {
  if (driver !== 'attach') return []
  const accounts = scopes.flatMap((written) => {
    const scope = attempt(parseScope, written)
    return scope ? [looseBucket.parse(file.buckets[scope.bucket]).account] : []
  })
  const without = [...new Set(accounts)].filter(
    (name): name is string => typeof name === 'string' && !Object.hasOwn(file.principals, name),
  )
  return without.map((account) =>
    fault([...at, 'driver'], `\`principals\` names nobody in account ${account}, where these scopes are.`),
  )
}

/** IAM allows no two names in an account that differ only by case. */
function isSameName(one: string | undefined, other: string | undefined): boolean {
  return one !== undefined && one.toLowerCase() === other?.toLowerCase()
}

function nameOf(role: string): string {
  return role.slice(role.lastIndexOf('/') + 1)
}

function fault(path: KeyPath, problem: string): PathFault {
  return { path, blamed: 'value', problem }
}
