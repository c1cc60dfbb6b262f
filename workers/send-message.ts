import type { Logger } from 'pino'
import type { GenuineRequest } from '../src/access-requests/genuine-request.ts'
import { LATCHKEY } from '../src/audit/events.ts'
import { renderMail } from '../src/cards/approval-mail.ts'
import { cardHash, renderMessage } from '../src/cards/message-card.ts'
import { type ClaimStore, claimToSend, sendClaimed } from '../src/messages/delivery-claim.ts'
import type { Conversation, Message, StoredMessage } from '../src/messages/message.ts'
import { messageClaim } from '../src/messages/message-claim.ts'
import {
  type Budget,
  type Mailer,
  type MessageSender,
  type RenderedCard,
  Unreachable,
} from '../src/messages/message-sender.ts'
import type { Directory } from '../src/rules/directory.ts'
import type { Commit } from '../src/store/commit.ts'
import type { RecordPort } from '../src/store/record-store.ts'
import type { LoadedRequest, ReadViewDeps } from '../src/views/read-view.ts'

/** Delivers one message to its reader. A mail is sent once; a card is sent once and edited afterwards. */

export interface SendDeps extends ReadViewDeps {
  readonly record: RecordPort
  readonly channel: MessageSender
  /** Undefined if this installation sends no mail. */
  readonly mailer: Mailer | undefined
  readonly budget: Budget
  readonly publicUrl: string
  readonly directory: Pick<Directory, 'person'>
  readonly log: Logger
}

/** What one delivery works with. */
export interface Delivery {
  readonly deps: SendDeps
  readonly reading: LoadedRequest<GenuineRequest>
  /** The record's clock. */
  readonly now: () => number
}

/** `waitMs`: not delivered; to be tried again after so many ms. */
export type DeliveryOutcome = 'up-to-date' | 'delivered' | { readonly waitMs: number }

export async function sendMail(delivery: Delivery, stored: StoredMessage): Promise<DeliveryOutcome> {
  const { mailer, publicUrl } = delivery.deps
  if (!mailer) return 'up-to-date'
  const { id } = stored.message
  const to = await mailAddressOf(delivery.deps, stored.message)
  const { subject, html } = renderMail(delivery.reading.view, publicUrl)
  const { claimed } = await claimAndSend(delivery, stored, () => mailer.send({ to, subject, html, id }))
  // A mail cannot be edited: its page always shows the present state.
  await recordDelivered(delivery, claimed, { presented: 'sent', reference: id })
  return 'delivered'
}

/**
 * The address from the directory, read when the mail is sent. Redis holds no address, so a write to Redis cannot send
 * mail to strangers.
 * @throws Unreachable
 */
async function mailAddressOf({ directory }: SendDeps, { reader }: Message): Promise<string> {
  const person = await directory.person(reader)
  if (person?.enabled && person.mail !== undefined) return person.mail
  throw new Unreachable('The directory names no mail address of theirs.')
}

/** Sends the card, or edits the card that was sent. Does neither if it shows the present state already. */
export async function sendCard(delivery: Delivery, stored: StoredMessage): Promise<DeliveryOutcome> {
  const { channel, budget, publicUrl, record } = delivery.deps
  const { message } = stored
  const conversation = await conversationFor(channel, message)
  // The conversation decides what the card shows, so it is opened before the card is rendered.
  const opened = { ...message, place: { channel: 'teams', conversation } } as const
  const card = renderMessage(opened, delivery.reading, publicUrl)
  const presented = cardHash(card)
  if (message.presented === presented) return 'up-to-date'
  const permit = await budget.take(conversation.conversationId)
  if ('waitMs' in permit) {
    // The conversation is stored, so that the chat is not opened again after the wait.
    if (message.place.channel === 'personal') await writeMessage(record, stored, opened)
    return permit
  }
  const toSend = { version: stored.version, message: opened }
  const sent = await orGiveBack(permit, () => sendOrEdit(delivery, toSend, conversation, card))
  // The channel has accepted the card: neither write depends on the other.
  await Promise.all([
    recordDelivered(delivery, sent.stored, { presented, reference: sent.reference }),
    permit.giveBack(),
  ])
  return 'delivered'
}

async function conversationFor(channel: MessageSender, { place, reader }: Message): Promise<Conversation> {
  return place.channel === 'teams' ? place.conversation : await channel.open(reader)
}

async function orGiveBack<T>(permit: { readonly giveBack: () => Promise<void> }, send: () => Promise<T>): Promise<T> {
  try {
    return await send()
  } catch (error) {
    await permit.giveBack()
    throw error
  }
}

interface Sent {
  /** The message as it is now in the record. */
  readonly stored: StoredMessage
  /** The channel's id of the message. */
  readonly reference: string
}

async function sendOrEdit(
  delivery: Delivery,
  stored: StoredMessage,
  conversation: Conversation,
  card: RenderedCard,
): Promise<Sent> {
  const { channel } = delivery.deps
  const { reference } = stored.message
  if (reference !== undefined) {
    await channel.update(conversation, reference, card)
    return { stored, reference }
  }
  const { claimed, sent } = await claimAndSend(delivery, stored, () => channel.send(conversation, card))
  return { stored: claimed, reference: sent }
}

async function claimAndSend<T>({ deps, now }: Delivery, { version, message }: StoredMessage, send: () => Promise<T>) {
  const store: ClaimStore<Message> = {
    fields: messageClaim,
    now,
    write: async ({ version, value }, next) => {
      const written = await writeMessage(deps.record, { version, message: value }, next)
      return { version: written.version, value: written.message }
    },
  }
  const claimed = await claimToSend(store, { version, value: message })
  const sent = await sendClaimed(store, claimed, send)
  return { claimed: { version: claimed.version, message: claimed.value }, sent }
}

async function recordDelivered(
  { deps }: Delivery,
  stored: StoredMessage,
  { presented, reference }: Required<Pick<Message, 'presented' | 'reference'>>,
): Promise<void> {
  const { message } = stored
  const isFirst = message.reference === undefined
  const sent = { id: message.id, reader: message.reader, channel: message.place.channel }
  const audit: Commit['audit'] = isFirst
    ? [{ kind: 'copies.sent', actor: LATCHKEY, requestId: message.requestId, copies: [sent] }]
    : []
  await writeMessage(deps.record, stored, { ...messageClaim.clear(message), presented, reference }, audit)
}

export async function writeMessage(
  record: RecordPort,
  { message, version }: StoredMessage,
  next: Message,
  audit: Commit['audit'] = [],
): Promise<StoredMessage> {
  await record.commit({ records: [{ kind: 'copy', id: message.id, expectedVersion: version, next }], audit })
  return { version: version + 1, message: next }
}
