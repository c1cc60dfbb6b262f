import type { Logger } from 'pino'
import { LATCHKEY } from '../src/audit/events.ts'
import { renderMail } from '../src/cards/approval-mail.ts'
import { cardHash, renderMessage, shouldShow } from '../src/cards/message-card.ts'
import { claimedForMs, readMessages, type StoredMessage } from '../src/messages/delivery-claim.ts'
import type { Conversation, Message } from '../src/messages/message.ts'
import {
  type Budget,
  type Mailer,
  type MessageSender,
  type RenderedCard,
  SenderBusy,
  Unreachable,
} from '../src/messages/message-sender.ts'
import type { Directory } from '../src/rules/directory.ts'
import type { Commit } from '../src/store/commit.ts'
import type { RecordPort } from '../src/store/record-store.ts'
import type { LoadedRequest, ReadViewDeps } from '../src/views/read-view.ts'

export interface PresentDeps extends ReadViewDeps {
  readonly record: RecordPort
  readonly channel: MessageSender
  /** Undefined: this installation sends no mail. */
  readonly mailer: Mailer | undefined
  readonly budget: Budget
  readonly publicUrl: string
  readonly directory: Pick<Directory, 'person'>
  readonly log: Logger
}

/** `waitMs`: not now. */
export type Outcome = 'present' | 'shown' | { readonly waitMs: number }

/** Sent so often without an answer it may well be there; whoever it is for is not flooded. */
const MOST_TRIES = { mail: 2, card: 3 } as const

interface Work {
  readonly deps: PresentDeps
  readonly reading: LoadedRequest
  readonly now: () => number
}

/**
 * Brings one copy to the present state: claim, present, keep the reference.
 * @param now The record's clock.
 */
export async function deliverMessage(
  deps: PresentDeps,
  reading: LoadedRequest,
  one: StoredMessage,
  now: () => number,
): Promise<Outcome> {
  const { message } = one
  if (message.dead !== undefined || !shouldShow(message, reading)) return 'present'
  const claimedMs = claimedForMs(message, now())
  if (claimedMs > 0) return { waitMs: claimedMs }
  const work = { deps, reading, now }
  try {
    refuseFurtherTries(message)
    return message.place.channel === 'mail' ? await mail(work, one) : await show(work, one)
  } catch (error) {
    if (error instanceof SenderBusy) return { waitMs: error.waitMs }
    if (!(error instanceof Unreachable)) throw error
    await bury(work, message.id, error.reason)
    return 'present'
  }
}

function refuseFurtherTries({ place, tries = 0, reference }: Message): void {
  const most = place.channel === 'mail' ? MOST_TRIES.mail : MOST_TRIES.card
  if (reference === undefined && tries >= most)
    throw new Unreachable(`It was sent ${tries} times and never answered: it may be there or not.`)
}

async function mail(work: Work, one: StoredMessage): Promise<Outcome> {
  const { mailer, publicUrl } = work.deps
  if (!mailer) return 'present'
  const to = await addressOf(work.deps, one.message)
  const { subject, html } = renderMail(work.reading.view, publicUrl)
  const claimed = await claim(work, one, one.message.place)
  await unclaimIfRefused(work, claimed, () => mailer.send({ to, subject, html, id: one.message.id }))
  // A mail cannot be edited: its page always shows the present state.
  await keep(work, claimed, { presented: 'sent', reference: one.message.id })
  return 'shown'
}

/** From the directory, at this moment: whoever can write to Redis cannot make us write to strangers. */
async function addressOf({ directory }: PresentDeps, { reader }: Message): Promise<string> {
  const person = await directory.person(reader)
  if (person?.enabled && person.mail !== undefined) return person.mail
  throw new Unreachable('The directory names no mail address of theirs.')
}

async function show(work: Work, one: StoredMessage): Promise<Outcome> {
  const { channel, budget, publicUrl } = work.deps
  const { message } = one
  const conversation = await conversationOf(channel, message)
  // Where it is shown decides what: its place must be known before it is rendered.
  const placed = { ...message, place: { channel: 'teams', conversation } } as const
  const card = renderMessage(placed, work.reading, publicUrl)
  const content = cardHash(card)
  if (message.presented === content) return 'present'
  const turn = await budget.take(conversation.conversationId)
  if ('waitMs' in turn) {
    // Opened once is enough, however long it waits.
    if (message.place.channel === 'personal') await write(work.deps.record, one, placed)
    return turn
  }
  const sent = await orGiveBack(turn, () => put(work, one, conversation, card))
  // Both belong to what the channel has answered already.
  await Promise.all([keep(work, sent.from, { presented: content, ...sent.changes }), turn.giveBack()])
  return 'shown'
}

async function orGiveBack<T>(turn: { readonly giveBack: () => Promise<void> }, act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    await turn.giveBack()
    throw error
  }
}

async function conversationOf(channel: MessageSender, { place, reader }: Message): Promise<Conversation> {
  return place.channel === 'teams' ? place.conversation : await channel.open(reader)
}

interface Put {
  /** As the record has it. */
  readonly from: StoredMessage
  readonly changes: Partial<Message>
}

async function put(work: Work, one: StoredMessage, conversation: Conversation, card: RenderedCard): Promise<Put> {
  const { channel } = work.deps
  if (one.message.reference !== undefined) {
    await channel.update(conversation, one.message.reference, card)
    return { from: one, changes: {} }
  }
  const claimed = await claim(work, one, { channel: 'teams', conversation })
  const reference = await unclaimIfRefused(work, claimed, () => channel.send(conversation, card))
  return { from: claimed, changes: { reference } }
}

/** By the clock of this moment: a claim is as old as it is, however long the round. */
async function claim({ deps, now }: Work, one: StoredMessage, place: Message['place']): Promise<StoredMessage> {
  const claimedAt = new Date(now()).toISOString()
  return await write(deps.record, one, { ...one.message, place, claimedAt, tries: (one.message.tries ?? 0) + 1 })
}

/** The channel said that nothing was sent: whoever comes next need not wait for the claim to lapse. */
async function unclaimIfRefused<T>({ deps }: Work, claimed: StoredMessage, act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    if (error instanceof SenderBusy && error.refused) await write(deps.record, claimed, withoutTry(claimed.message))
    throw error
  }
}

async function keep({ deps }: Work, one: StoredMessage, changes: Partial<Message>): Promise<void> {
  const { message } = one
  const first = message.reference === undefined
  const sent = { id: message.id, reader: message.reader, channel: message.place.channel }
  const audit: Commit['audit'] = first
    ? [{ kind: 'copies.sent', actor: LATCHKEY, requestId: message.requestId, copies: [sent] }]
    : []
  await write(deps.record, one, { ...withoutClaim(message), ...changes }, audit)
}

/** Read again: it may have been claimed meanwhile. */
async function bury({ deps }: Work, copyId: string, reason: string): Promise<void> {
  const [stored] = await readMessages(deps.record, [copyId])
  if (!stored) return
  const { requestId, reader } = stored.message
  deps.log.warn({ copyId, requestId, reason }, 'somebody cannot be reached')
  await write(deps.record, stored, { ...withoutClaim(stored.message), dead: reason }, [
    { kind: 'copy.unreachable', actor: LATCHKEY, requestId, copyId, reader, reason },
  ])
}

function withoutClaim({ claimedAt: _, tries: __, ...message }: Message): Message {
  return message
}

function withoutTry({ tries = 1, ...message }: Message): Message {
  return { ...withoutClaim(message), ...(tries > 1 ? { tries: tries - 1 } : {}) }
}

async function write(
  record: RecordPort,
  { message, version }: StoredMessage,
  next: Message,
  audit: Commit['audit'] = [],
): Promise<StoredMessage> {
  await record.commit({ records: [{ kind: 'copy', id: message.id, expectedVersion: version, next }], audit })
  return { version: version + 1, message: next }
}
