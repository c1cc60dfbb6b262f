/** The people, groups and contacts in the sandbox's directory, and the changes that a test or a demo makes to them. */

export interface SandboxPerson {
  readonly id: string
  readonly displayName: string
  readonly mail: string | null
  readonly userPrincipalName: string
  readonly mailNickname?: string
  readonly employeeId?: string
  readonly jobTitle: string | null
  /** Null when Graph does not return it. */
  readonly accountEnabled: boolean | null
  readonly userType: 'Member' | 'Guest' | null
  readonly managerId?: string
  /** True when the person can confirm a sign-in with a second factor; default true. */
  readonly secondFactor?: boolean
  readonly appRoles: readonly string[]
}

/** `members` are ids of people, groups and contacts. */
export interface SandboxGroup {
  readonly id: string
  readonly displayName: string
  readonly members: readonly string[]
}

/** A contact of the organisation. It may be a person's manager but cannot sign in. */
export interface SandboxContact {
  readonly id: string
  readonly displayName: string
  readonly mail: string
}

export interface TenantData {
  readonly people: readonly SandboxPerson[]
  readonly groups: readonly SandboxGroup[]
  readonly contacts: readonly SandboxContact[]
}

export type DirectoryObject =
  | { readonly type: 'user'; readonly object: SandboxPerson }
  | { readonly type: 'group'; readonly object: SandboxGroup }
  | { readonly type: 'orgContact'; readonly object: SandboxContact }

export interface Tenant {
  people(): readonly SandboxPerson[]
  person(id: string): SandboxPerson | undefined
  group(id: string): SandboxGroup | undefined
  managerOf(id: string): DirectoryObject | undefined
  /** Every object in the group and its nested groups, each once, in a stable order. */
  transitiveMembers(groupId: string): readonly DirectoryObject[]
  change(id: string, changes: Partial<Omit<SandboxPerson, 'id'>>): void
  disable(id: string): void
  enable(id: string): void
  setManager(id: string, managerId: string): void
  removeManager(id: string): void
  join(groupId: string, memberId: string): void
  leave(groupId: string, memberId: string): void
  remove(id: string): void
}

export function createTenant(data: TenantData): Tenant {
  const people = new Map(data.people.map((person) => [person.id, person]))
  const groups = new Map(data.groups.map((group) => [group.id, group]))
  const contacts = new Map(data.contacts.map((contact) => [contact.id, contact]))

  function find(id: string): DirectoryObject | undefined {
    const person = people.get(id)
    if (person) return { type: 'user', object: person }
    const group = groups.get(id)
    if (group) return { type: 'group', object: group }
    const contact = contacts.get(id)
    return contact && { type: 'orgContact', object: contact }
  }

  function transitiveMembers(groupId: string): readonly DirectoryObject[] {
    const seen = new Set([groupId])
    const found: DirectoryObject[] = []
    const open = [...(groups.get(groupId)?.members ?? [])]
    for (let id = open.shift(); id !== undefined; id = open.shift()) {
      const member = seen.has(id) ? undefined : find(id)
      seen.add(id)
      if (member === undefined) continue
      found.push(member)
      if (member.type === 'group') open.push(...member.object.members)
    }
    return found
  }

  function change(id: string, changes: Partial<Omit<SandboxPerson, 'id'>>): void {
    people.set(id, { ...known(people, id), ...changes })
  }

  function setMembers(groupId: string, members: (before: readonly string[]) => readonly string[]): void {
    const group = known(groups, groupId)
    groups.set(groupId, { ...group, members: members(group.members) })
  }

  return {
    people: () => [...people.values()],
    person: (id) => people.get(id),
    group: (id) => groups.get(id),
    managerOf: (id) => find(people.get(id)?.managerId ?? ''),
    transitiveMembers,
    change,
    disable: (id) => change(id, { accountEnabled: false }),
    enable: (id) => change(id, { accountEnabled: true }),
    setManager: (id, managerId) => change(id, { managerId }),
    removeManager(id) {
      const { managerId: _, ...rest } = known(people, id)
      people.set(id, rest)
    },
    join: (groupId, memberId) => setMembers(groupId, (before) => [...new Set([...before, memberId])]),
    leave: (groupId, memberId) => setMembers(groupId, (before) => before.filter((id) => id !== memberId)),
    remove(id) {
      known(people, id)
      people.delete(id)
    },
  }
}

function known<T>(map: ReadonlyMap<string, T>, id: string): T {
  const found = map.get(id)
  if (found === undefined) throw new Error(`The sandbox's company has nothing with the id ${id}.`)
  return found
}
