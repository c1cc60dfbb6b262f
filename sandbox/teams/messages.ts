import type { Card } from './cards.ts'
import { activityNotFound, conversationNotFound } from './fault.ts'
import type { Roster, TeamsPerson } from './roster.ts'

/** The messages that Teams stores, each with its text or base card. Refreshed cards exist only in clients. */

export interface Message {
  readonly id: string
  readonly postedIn: PostedIn
  /** Entra object id, or the bot. */
  readonly from: 'bot' | string
  readonly text: string
  readonly format: 'plain' | 'markdown'
  readonly card?: Card
  /** The text of the notification. */
  readonly summary?: string
  readonly alert: boolean
  /** Milliseconds since 1970. */
  readonly at: number
  readonly edited: boolean
  readonly deleted: boolean
  /** 1 at first; each edit adds 1. */
  readonly version: number
}

/** The chat or the thread that contains a message. */
export type PostedIn =
  | { readonly kind: 'personal'; readonly owner: string }
  /** `root` is the id of the thread's first message. */
  | { readonly kind: 'channel'; readonly root: string }

type Content = Pick<Message, 'text' | 'format' | 'card' | 'summary' | 'alert'>

/** A conversation as the bot addresses it: a chat, a channel (where a message starts a thread) or a thread. */
export type Target =
  | { readonly kind: 'personal'; readonly owner: TeamsPerson }
  | { readonly kind: 'channel'; readonly root: string | undefined }

export interface Messages {
  /** @throws 404 */
  resolve(conversationId: string): Target
  add(target: Target, from: Message['from'], content: Content): Message
  /** @throws 404 */
  find(target: Target, id: string): Message
  edit(message: Message, content: Content): Message
  remove(message: Message): void
  get(id: string): Message | undefined
  inPersonal(objectId: string): readonly Message[]
  inChannel(): readonly Message[]
  subscribe(listener: (message: Message) => void): () => void
}

export function createMessages(roster: Roster, now: () => number): Messages {
  const messages = new Map<string, Message>()
  const listeners = new Set<(message: Message) => void>()
  let lastId = 0

  /** Teams uses the time of a message in milliseconds as its id. */
  function nextId(): string {
    lastId = Math.max(now(), lastId + 1)
    return String(lastId)
  }

  function keep(message: Message): Message {
    messages.set(message.id, message)
    for (const listener of [...listeners]) listener(message)
    return message
  }

  function resolve(conversationId: string): Target {
    const owner = roster.chatOwner(conversationId)
    if (owner !== undefined) return { kind: 'personal', owner }
    const [channel, root] = conversationId.split(';messageid=')
    if (channel !== roster.channel.id) throw conversationNotFound()
    if (root !== undefined && messages.get(root)?.postedIn.kind !== 'channel') throw conversationNotFound()
    return { kind: 'channel', root }
  }

  return {
    resolve,
    add(target, from, content) {
      const id = nextId()
      const postedIn: PostedIn =
        target.kind === 'personal'
          ? { kind: 'personal', owner: target.owner.objectId }
          : { kind: 'channel', root: target.root ?? id }
      return keep({ id, postedIn, from, ...content, at: now(), edited: false, deleted: false, version: 1 })
    },
    find(target, id) {
      const message = messages.get(id)
      if (message === undefined || message.deleted || !isIn(message.postedIn, target)) throw activityNotFound()
      return message
    },
    edit(message, content) {
      const { card: _card, summary: _summary, ...rest } = message
      return keep({ ...rest, ...content, edited: true, version: message.version + 1 })
    },
    remove(message) {
      const { card: _card, ...rest } = message
      keep({ ...rest, text: '', deleted: true, version: message.version + 1 })
    },
    get: (id) => messages.get(id),
    inPersonal: (objectId) =>
      [...messages.values()].filter(({ postedIn }) => postedIn.kind === 'personal' && postedIn.owner === objectId),
    inChannel: () => [...messages.values()].filter(({ postedIn }) => postedIn.kind === 'channel'),
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

function isIn(postedIn: PostedIn, target: Target): boolean {
  if (postedIn.kind === 'personal') return target.kind === 'personal' && target.owner.objectId === postedIn.owner
  return target.kind === 'channel' && (target.root === undefined || target.root === postedIn.root)
}
