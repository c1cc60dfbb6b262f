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
import type { KeyPath, PlacedFault } from './rules-faults.ts'

/** IAM API reference, RoleName. */
const LONGEST_ROLE_NAME = 64

const looseAccount = z.object({
  elevationRole: z.string(),
  copies: z.int().min(1).max(20).catch(1),
  hub: z.object({ role: z.string(), reader: z.string() }).optional().catch(undefined),
})

/** The name of a role is one of its kind in an account, whatever its path and its case. */
export function accountFaults(file: LooseFile): readonly PlacedFault[] {
  return Object.entries(file.accounts).flatMap(([account, detail]) => {
    const { data } = looseAccount.safeParse(detail)
    if (!data) return []
    const at: KeyPath = ['accounts', account]
    const own = elevationRoles(data).map(nameOf)
    const longest = own.at(-1) ?? ''
    const tooLong = `The name of its last copy, ${longest}, has ${longest.length} characters; IAM takes ${LONGEST_ROLE_NAME}.`
    const { role, reader } = data.hub ?? {}
    return [
      ...(longest.length > LONGEST_ROLE_NAME ? [fault([...at, 'elevationRole'], tooLong)] : []),
      ...taken(role, own, [...at, 'hub', 'role']),
      ...taken(reader, [...own, ...(role === undefined ? [] : [nameOf(role)])], [...at, 'hub', 'reader']),
    ]
  })
}

function taken(role: string | undefined, names: readonly string[], path: KeyPath): readonly PlacedFault[] {
  if (role === undefined || !names.some((name) => isSameName(name, nameOf(role)))) return []
  return [fault(path, `Another role of this account has the name ${nameOf(role)}. Give this one a name of its own.`)]
}

const looseOwnIdentity = z
  .object({ role: z.string().optional(), user: z.string().optional(), sessionName: z.unknown().optional() })
  .catch({ role: undefined, user: undefined, sessionName: undefined })
type LooseHolder = z.output<typeof looseOwnIdentity>

/** Who holds grants of the driver `attach`: names that the file knows, and identities that are one person's in each request. */
export function principalFaults(file: LooseFile): readonly PlacedFault[] {
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
        ...mixedFaults(ownIdentity, ownIdentities, [...at, who, 'sessionName']),
        ...subjectMissing(file, who, [...at, who], 'key'),
        ...entityFaults(ownIdentity, [...at, who]),
        ...userFaults(who, ownIdentity, users, [...at, who, 'user']),
        ...ownRoleFaults(file, account, ownIdentity, [...at, who, 'role']),
      ]),
    ]
  })
}

function entityFaults({ role, user, sessionName }: LooseHolder, path: KeyPath): readonly PlacedFault[] {
  if ((role === undefined) === (user === undefined))
    return [fault(path, 'Expected either `role` and `sessionName`, or `user`.')]
  if (user !== undefined && sessionName !== undefined)
    return [fault([...path, 'sessionName'], 'A user has no sessions. Remove `sessionName`.')]
  if (role !== undefined && sessionName === undefined)
    return [fault(path, 'Many share a role: `sessionName` says what the sessions of this person are called there.')]
  // IAM User Guide, roles that IAM Identity Center made: they cannot be edited.
  if (role?.startsWith('AWSReservedSSO_'))
    return [
      fault([...path, 'role'], 'AWS lets nobody write into a role of IAM Identity Center. Use the driver session.'),
    ]
  return []
}

/** What lies on a user is everybody's who holds its keys. */
function userFaults(
  who: string,
  { user }: LooseHolder,
  users: readonly string[],
  path: KeyPath,
): readonly PlacedFault[] {
  if (user === undefined) return []
  if (who.startsWith('group:')) return [fault(path, 'A user is one person. Name it under person:<name>.')]
  if (users.filter((other) => isSameName(other, user)).length === 1) return []
  return [fault(path, `The user ${user} is here twice: a user is one person.`)]
}

/** Whether a name is one person's is asked of one attribute: the sign-in name of one may be the mail of another. */
function mixedFaults(
  { role, sessionName }: LooseHolder,
  ownIdentities: readonly LooseHolder[],
  path: KeyPath,
): readonly PlacedFault[] {
  const others = ownIdentities.filter((other) => isSameName(other.role, role))
  if (others.every((other) => other.role === role && other.sessionName === sessionName)) return []
  const alike = `The role ${role} is written in one way, and its sessions are called after one attribute.`
  return [fault(path, `${alike} Name the same in each row.`)]
}

function ownRoleFaults(file: LooseFile, account: string, { role }: LooseHolder, path: KeyPath): readonly PlacedFault[] {
  const { data } = looseAccount.safeParse(file.accounts[account])
  if (!data || !elevationRoles(data).some((own) => isSameName(nameOf(own), role))) return []
  return [fault(path, `${role} is an elevation role of Latchkey. Name the role that these people work with.`)]
}

/** Who asks there later would only then be told that nobody can hold it. */
export function attachFaults(
  file: LooseFile,
  { driver, scopes }: LooseEntitlement,
  at: KeyPath,
): readonly PlacedFault[] {
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

/** IAM keeps names as they were written, and takes no second one that differs by case alone. */
function isSameName(one: string | undefined, other: string | undefined): boolean {
  return one !== undefined && one.toLowerCase() === other?.toLowerCase()
}

function nameOf(role: string): string {
  return role.slice(role.lastIndexOf('/') + 1)
}

function fault(path: KeyPath, problem: string): PlacedFault {
  return { path, part: 'value', problem }
}
