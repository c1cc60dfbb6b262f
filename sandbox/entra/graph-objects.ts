import { GraphFault } from './graph-errors.ts'
import type { DirectoryObject, SandboxPerson } from './tenant.ts'

/** The fields that Graph returns of an object by default, and those that it returns only for `$select`. */

const DEFAULT_FIELDS = ['id', 'displayName', 'jobTitle', 'mail', 'userPrincipalName']
const USER_FIELDS = new Set([...DEFAULT_FIELDS, 'mailNickname', 'employeeId', 'accountEnabled', 'userType'])

/** Undefined when there is no `$select`. */
export function parseSelect(query: URLSearchParams): readonly string[] | undefined {
  const fields = query.get('$select')?.split(',')
  const unknown = fields?.find((field) => !USER_FIELDS.has(field))
  if (unknown === undefined) return fields
  throw new GraphFault(
    400,
    'BadRequest',
    `Parsing OData Select and Expand failed: Could not find a property named '${unknown}' on type 'microsoft.graph.user'.`,
  )
}

/** "Advanced query capabilities", support for filter by properties: which properties `eq` takes by default, and which only with eventual consistency and a count. */
const FILTERED = new Set(['id', 'displayName', 'jobTitle', 'mail', 'userPrincipalName', 'mailNickname', 'employeeId'])
const FILTERED_LATE = new Set(['companyName', 'employeeType', 'mobilePhone', 'onPremisesSamAccountName'])
const EQUALS = /^(\w+) eq '((?:[^']|'')*)'$/

/** Parses one comparison with `eq`, which ignores case. The sandbox refuses every other filter. */
export function parseFilter(query: URLSearchParams, advanced: boolean): (person: SandboxPerson) => boolean {
  const filter = query.get('$filter')
  if (filter === null) return () => true
  const [, name = '', quoted = ''] = EQUALS.exec(filter) ?? []
  if (name === '') throw new GraphFault(400, 'BadRequest', `Invalid filter clause: ${filter}`)
  if (!FILTERED.has(name) && !(FILTERED_LATE.has(name) && advanced)) {
    const message = `Unsupported or invalid query filter clause specified for property '${name}' of resource 'User'.`
    throw new GraphFault(400, 'Request_UnsupportedQuery', message)
  }
  const wanted = quoted.replaceAll("''", "'").toLowerCase()
  return (person) => {
    const value = new Map<string, unknown>(Object.entries(person)).get(name)
    return typeof value === 'string' && value.toLowerCase() === wanted
  }
}

/** Unselected fields are absent; selected fields without a value are null. A field that the app may not read is null. */
export function selectFields(person: SandboxPerson, fields: readonly string[] | undefined): object {
  const known = new Map<string, unknown>(Object.entries(person))
  return Object.fromEntries((fields ?? DEFAULT_FIELDS).map((name) => [name, known.get(name) ?? null]))
}

/** Adds the object's type, as Graph does in lists of several kinds. */
export function typedObject(
  { type, object }: DirectoryObject,
  fields: readonly string[] | undefined,
  mayReadPeople: boolean,
): object {
  const typed = { '@odata.type': `#microsoft.graph.${type}`, id: object.id }
  if (type !== 'user') return { ...typed, displayName: object.displayName }
  const selected = selectFields(object, fields)
  if (mayReadPeople) return { ...typed, ...selected }
  return { ...Object.fromEntries(Object.keys(selected).map((name) => [name, null])), ...typed }
}
