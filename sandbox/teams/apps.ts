import type { Activities } from './activities.ts'
import type { Delivery } from './delivery.ts'
import { blockedByUser, notInRoster } from './fault.ts'
import type { TeamsPerson } from './roster.ts'

/** The app's installation state for each person. A person who opens the bot's chat for the first time gets it installed. */

export type AppState = 'never' | 'installed' | 'blocked' | 'removed'

export interface Apps {
  state(person: TeamsPerson): AppState
  /** Installs the app if it was never installed. An app that a person removed stays removed. */
  open(person: TeamsPerson): Promise<void>
  install(person: TeamsPerson): Promise<void>
  uninstall(person: TeamsPerson): Promise<void>
  block(person: TeamsPerson): void
  unblock(person: TeamsPerson): void
  openTeam(by: TeamsPerson): Promise<void>
  /** @throws 403 until the app was added to the team */
  demandTeam(): void
  /** @throws 403 when the bot may not write to the person */
  demand(person: TeamsPerson): void
  subscribe(listener: (person: TeamsPerson, state: AppState) => void): () => void
}

export function createApps({ activities, delivery }: { activities: Activities; delivery: Delivery }): Apps {
  const states = new Map<string, AppState>()
  const listeners = new Set<(person: TeamsPerson, state: AppState) => void>()
  const opening = new Map<string, Promise<void>>()
  let team: Promise<unknown> | undefined

  const state = (person: TeamsPerson) => states.get(person.objectId) ?? 'never'

  function set(person: TeamsPerson, next: AppState): void {
    states.set(person.objectId, next)
    for (const listener of [...listeners]) listener(person, next)
  }

  async function install(person: TeamsPerson): Promise<void> {
    set(person, 'installed')
    for (const activity of activities.added(person)) {
      await delivery.deliver(activity, { facts: { conversation: person.personalChatId, person: person.objectId } })
    }
  }

  function open(person: TeamsPerson): Promise<void> {
    const known = opening.get(person.objectId)
    if (known !== undefined) return known
    if (state(person) !== 'never') return Promise.resolve()
    const first = install(person)
    opening.set(person.objectId, first)
    return first
  }

  return {
    state,
    open,
    install,
    async uninstall(person) {
      set(person, 'removed')
      const facts = { conversation: person.personalChatId, person: person.objectId }
      await delivery.deliver(activities.removed(person), { facts })
    },
    block: (person) => set(person, 'blocked'),
    unblock: (person) => set(person, 'installed'),
    async openTeam(by) {
      team ??= delivery.deliver(activities.addedToTeam(by), { facts: { person: by.objectId } })
      await team
    },
    demandTeam() {
      if (team === undefined) throw notInRoster()
    },
    demand(person) {
      const found = state(person)
      if (found === 'blocked') throw blockedByUser()
      if (found !== 'installed') throw notInRoster()
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
