import type { Activities, Trigger } from './activities.ts'
import { type Card, type CardAction, findButton, gatherInputs, type Inputs, refreshActionFor } from './cards.ts'
import type { Delivered, Delivery } from './delivery.ts'
import type { Invoke, Outcome } from './invoke.ts'
import type { Message, Messages, PostedIn } from './messages.ts'
import type { TeamsPerson } from './roster.ts'

/** One person's Teams client on one device, without a screen. A refreshed card is this client's only; Teams stores the base card. */

/** A refreshed card that is older than this is refreshed again when the client shows it. */
const STALE_MS = 60_000

/** The chat with the bot, or the channel. */
export type Where = 'personal' | 'channel'

/** The message that a person sent, and how the bot answered its delivery. */
export interface SentMessage {
  readonly id: string
  /** In the channel: id of the thread to write in. */
  readonly thread: string | undefined
  /** The status that the bot's endpoint answered; undefined in a channel without a mention, which the bot does not get. */
  readonly status: Delivered['status'] | undefined
}

export interface ShownMessage {
  readonly id: string
  /** In the channel: id of the thread's first message. */
  readonly thread: string | undefined
  /** Entra object id, or the bot. */
  readonly from: 'bot' | string
  readonly text: string
  readonly card: Card | undefined
  /** The bot's answer to the last click, shown below the card. */
  readonly note: string | undefined
  /** The text of the error bar. */
  readonly error: string | undefined
  readonly summary: string | undefined
  readonly at: number
  readonly edited: boolean
  readonly deleted: boolean
}

export type Clicked =
  | Outcome
  /** The card's own rules refused the input; nothing was sent. */
  | { readonly kind: 'invalid'; readonly inputs: readonly string[]; readonly attempts: 0 }
  /** `Action.Submit` is sent as a message. The bot's answer, if any, is a message too. */
  | { readonly kind: 'submitted'; readonly status: number | 'timed out' | 'unreachable'; readonly attempts: 1 }

interface View {
  /** Version of the base card that this card was made from. */
  readonly version: number
  readonly card?: Card
  readonly gotAt?: number
  readonly note?: string
  readonly error?: string
}

export interface Client {
  shown(message: Message): ShownMessage
  /** Shows the conversation from now on: cards that are due refresh now and after each change. Resolves after the first refreshes. */
  watch(where: PostedIn['kind']): Promise<void>
  unwatch(): void
  click(message: Message, verbOrTitle: string, inputs: Inputs): Promise<Clicked>
  /** Sends any action, as a modified client could. */
  execute(message: Message, action: CardAction, trigger: Trigger): Promise<Outcome>
}

export function createClient(setup: {
  readonly person: TeamsPerson
  readonly messages: Messages
  readonly members: () => number
  readonly activities: Activities
  readonly delivery: Delivery
  readonly invoke: Invoke
  readonly now: () => number
  readonly onChange: () => void
}): Client {
  const { person, messages, now } = setup
  const views = new Map<string, View>()
  const watched = new Set<PostedIn['kind']>()
  /** The versions whose refresh is in progress; each is refreshed once at a time. */
  const refreshing = new Set<string>()

  function viewOf(message: Message): View {
    const view = views.get(message.id)
    return view?.version === message.version ? view : { version: message.version }
  }

  function shown(message: Message): ShownMessage {
    const view = viewOf(message)
    const { id, postedIn, from, text, summary, at, edited, deleted } = message
    const thread = postedIn.kind === 'channel' ? postedIn.root : undefined
    const card = message.card && (view.card ?? message.card)
    return { id, thread, from, text, card, note: view.note, error: view.error, summary, at, edited, deleted }
  }

  async function execute(message: Message, action: CardAction, trigger: Trigger): Promise<Outcome> {
    const outcome = await setup.invoke(person, message, action, trigger)
    // The message may have been edited meanwhile; the refreshed card belongs to the newer one.
    const present = messages.get(message.id) ?? message
    views.set(message.id, changed(viewOf(present), outcome, trigger))
    setup.onChange()
    return outcome
  }

  function changed(view: View, outcome: Outcome, trigger: Trigger): View {
    const { note: _note, error: _error, ...rest } = view
    if (outcome.kind === 'card') return { ...rest, card: outcome.card, gotAt: now() }
    if (outcome.kind === 'message') return { ...rest, note: outcome.text }
    if (outcome.kind === 'nothing' || trigger === 'automatic') return view
    const text = outcome.kind === 'error' ? outcome.message : 'Unable to reach the app. Please try again.'
    return { ...rest, error: text }
  }

  async function refresh(message: Message): Promise<void> {
    if (message.deleted || message.card === undefined) return
    const view = viewOf(message)
    const due = view.gotAt === undefined || now() - view.gotAt > STALE_MS
    const action = refreshActionFor(view.card ?? message.card, person.id, membersAt(message.postedIn))
    const once = `${message.id} ${message.version}`
    if (!due || action === undefined || refreshing.has(once)) return
    refreshing.add(once)
    try {
      await execute(message, action, 'automatic')
    } finally {
      refreshing.delete(once)
    }
  }

  function membersAt(postedIn: PostedIn): number {
    return postedIn.kind === 'personal' ? 1 : setup.members()
  }

  function sees({ postedIn }: Message): boolean {
    return watched.has(postedIn.kind) && (postedIn.kind === 'channel' || postedIn.owner === person.objectId)
  }

  messages.subscribe((message) => {
    if (sees(message)) void refresh(message)
  })

  return {
    shown,
    execute,
    async watch(where) {
      watched.add(where)
      const all = where === 'personal' ? messages.inPersonal(person.objectId) : messages.inChannel()
      await Promise.all(all.map(refresh))
    },
    unwatch: () => watched.clear(),
    async click(message, verbOrTitle, inputs) {
      const { card } = shown(message)
      if (card === undefined) throw new Error(`Message ${message.id} has no card to click on.`)
      const button = findButton(card, verbOrTitle)
      const gathered = gatherInputs(button, inputs)
      if (!gathered.valid) return { kind: 'invalid', inputs: gathered.ids, attempts: 0 }
      const action = { ...button.action, data: { ...button.action.data, ...gathered.values } }
      if (action.type === 'Action.Execute') return execute(message, action, 'manual')
      const submitted = await setup.delivery.deliver(setup.activities.submit(message, person, action.data), {
        facts: { person: person.objectId, activityId: message.id },
      })
      return { kind: 'submitted', status: submitted.status, attempts: 1 }
    },
  }
}
