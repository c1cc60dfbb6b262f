import { createHash } from 'node:crypto'
import { PEOPLE, TENANT } from '../entra/fixture.ts'
import type { SandboxPerson } from '../entra/tenant.ts'

/** The people in the sandbox's Teams and their ids. Teams' ids of people and of their chats differ for each bot. */

export interface TeamsPerson {
  /** `29:…` */
  readonly id: string
  readonly objectId: string
  readonly name: string
  readonly mail: string
  readonly userPrincipalName: string
  readonly jobTitle: string
  readonly guest: boolean
  readonly personalChatId: string
}

export interface Roster {
  readonly appId: string
  readonly tenantId: string
  /** `28:…` */
  readonly botId: string
  readonly botName: string
  readonly team: { readonly id: string; readonly aadGroupId: string; readonly name: string }
  readonly channel: { readonly id: string; readonly name: string }
  people(): readonly TeamsPerson[]
  /** Finds a person by first name, object id or `29:` id. */
  find(who: string): TeamsPerson | undefined
  person(who: string): TeamsPerson
  chatOwner(conversationId: string): TeamsPerson | undefined
}

export function createRoster(setup: {
  readonly appId: string
  readonly tenantId: string
  readonly botName: string
  readonly people?: readonly SandboxPerson[]
}): Roster {
  const { appId, tenantId, botName } = setup
  const derived = (what: string) => createHash('sha256').update(`${appId}/${tenantId}/${what}`).digest()
  const people = (setup.people ?? TENANT.people).map(
    (person): TeamsPerson => ({
      id: `29:1${derived(`person/${person.id}`).toString('base64url')}`,
      objectId: person.id,
      name: person.displayName,
      mail: person.mail ?? person.userPrincipalName,
      userPrincipalName: person.userPrincipalName,
      jobTitle: person.jobTitle ?? '',
      guest: person.userType === 'Guest',
      personalChatId: `a:1${derived(`chat/${person.id}`).toString('base64url')}`,
    }),
  )
  const named = new Map<string, string>(Object.entries(PEOPLE))

  function find(who: string): TeamsPerson | undefined {
    const objectId = named.get(who) ?? who.toLowerCase()
    return people.find((person) => person.objectId === objectId || person.id === who)
  }

  return {
    appId,
    tenantId,
    botId: `28:${appId}`,
    botName,
    team: {
      id: `19:${derived('team').toString('hex').slice(0, 32)}@thread.tacv2`,
      aadGroupId: guid(derived('group').toString('hex')),
      name: 'Harbour',
    },
    channel: { id: `19:${derived('channel').toString('hex').slice(0, 32)}@thread.tacv2`, name: 'Finance' },
    people: () => people,
    find,
    person(who) {
      const person = find(who)
      if (person === undefined) throw new Error(`Nobody in the sandbox's Teams is called ${who}.`)
      return person
    },
    chatOwner: (conversationId) => people.find(({ personalChatId }) => personalChatId === conversationId),
  }
}

function guid(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
