import { z } from 'zod'
import { DIRECTORY_ATTRIBUTES, type Person } from '../rules/directory.ts'

/** `accountEnabled` and `userType` come only when selected. */
export const PERSON_FIELDS = ['id', 'displayName', ...DIRECTORY_ATTRIBUTES, 'accountEnabled', 'userType']

/** `userType` is null on accounts older than the property. `accountEnabled` is null when our registration may not read it: no answer, then. */
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

/** A manager may also be an `orgContact`: an address, nobody who can sign in. */
const otherSchema = z.object({ '@odata.type': z.string().startsWith('#microsoft.graph.') })

const pageSchema = z.object({ value: z.array(userSchema), '@odata.nextLink': z.url().optional() })
const idsSchema = z.object({ value: z.array(z.guid()) })
const foundSchema = z.object({ value: z.array(z.object({ id: z.guid() })), '@odata.nextLink': z.url().optional() })

export function parsePerson(answer: unknown, tenantId: string): Person {
  return personOf(userSchema.parse(answer), tenantId)
}

/** Undefined: not a person. */
export function parseManager(answer: unknown, tenantId: string): Person | undefined {
  const other = otherSchema.safeParse(answer)
  if (other.success && other.data['@odata.type'] !== '#microsoft.graph.user') return undefined
  return parsePerson(answer, tenantId)
}

export function parsePage(answer: unknown, tenantId: string): { people: readonly Person[]; next: string | undefined } {
  const page = pageSchema.parse(answer)
  return { people: page.value.map((user) => personOf(user, tenantId)), next: page['@odata.nextLink'] }
}

export function parseFound(answer: unknown): { ids: readonly string[]; next: string | undefined } {
  const page = foundSchema.parse(answer)
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

/** Microsoft's "B2B guest user properties": an account of another home keeps `#EXT#` in its name, even where it was made a member. */
function isGuest(user: z.infer<typeof userSchema>): boolean {
  return user.userType === 'Guest' || user.userPrincipalName.includes('#EXT#')
}
