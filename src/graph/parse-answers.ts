import { z } from 'zod'
import { DIRECTORY_ATTRIBUTES, type Person } from '../rules/directory.ts'

/** Properties to select. Graph returns `accountEnabled` and `userType` only when they are selected. */
export const PERSON_FIELDS = ['id', 'displayName', ...DIRECTORY_ATTRIBUTES, 'accountEnabled', 'userType']

/**
 * `userType` is null for accounts that are older than the property. `accountEnabled` is null when the registration may
 * not read it; the schema then fails, so that nobody counts as enabled.
 */
const userSchema = z.object({
  '@odata.type': z.literal('#microsoft.graph.user').optional(),
  id: z.guid(),
  displayName: z.string().nullable(),
  mail: z.string().nullable(),
  userPrincipalName: z.string(),
  mailNickname: z.string().nullable(),
  employeeId: z.string().nullable(),
  accountEnabled: z.boolean(),
  userType: z.string().nullable(),
})

/** A manager may also be an `orgContact`, which is an address without an account. */
const otherSchema = z.object({ '@odata.type': z.string().startsWith('#microsoft.graph.') })

const pageSchema = z.object({ value: z.array(userSchema), '@odata.nextLink': z.url().optional() })
const idsSchema = z.object({ value: z.array(z.guid()) })
const accountIdsSchema = z.object({ value: z.array(z.object({ id: z.guid() })), '@odata.nextLink': z.url().optional() })

export function parsePerson(answer: unknown, tenantId: string): Person {
  return personOf(userSchema.parse(answer), tenantId)
}

/** @returns undefined when the manager is not a user */
export function parseManager(answer: unknown, tenantId: string): Person | undefined {
  const other = otherSchema.safeParse(answer)
  if (other.success && other.data['@odata.type'] !== '#microsoft.graph.user') return undefined
  return parsePerson(answer, tenantId)
}

export function parsePage(answer: unknown, tenantId: string): { people: readonly Person[]; next: string | undefined } {
  const page = pageSchema.parse(answer)
  return { people: page.value.map((user) => personOf(user, tenantId)), next: page['@odata.nextLink'] }
}

export function parseAccountIds(answer: unknown): { ids: readonly string[]; next: string | undefined } {
  const page = accountIdsSchema.parse(answer)
  return { ids: page.value.map(({ id }) => id), next: page['@odata.nextLink'] }
}

export function parseIds(answer: unknown): readonly string[] {
  return idsSchema.parse(answer).value
}

function personOf(user: z.infer<typeof userSchema>, tenantId: string): Person {
  return {
    objectId: user.id,
    tenantId,
    name: user.displayName ?? user.userPrincipalName,
    ...(user.mail === null ? {} : { mail: user.mail }),
    attributes: attributesOf(user),
    enabled: user.accountEnabled,
    guest: isGuest(user),
  }
}

function attributesOf(user: z.infer<typeof userSchema>): NonNullable<Person['attributes']> {
  return Object.fromEntries(
    DIRECTORY_ATTRIBUTES.map((name) => [name, user[name]]).filter(([, value]) => value !== null),
  )
}

/**
 * An account from another tenant keeps `#EXT#` in its name, even if it was made a member ("B2B guest user properties").
 */
function isGuest(user: z.infer<typeof userSchema>): boolean {
  return user.userType === 'Guest' || user.userPrincipalName.includes('#EXT#')
}
