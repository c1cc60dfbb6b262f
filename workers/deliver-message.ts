import type { Logger } from 'pino'
import { LATCHKEY } from '../src/audit/events.ts'
import { renderMail } from '../src/cards/approval-mail.ts'
import { contentOf, isWanted, messageOf } from '../src/cards/message-card.ts'
import { claimedForMs, readCopies, type StoredCopy } from '../src/messages/delivery-claim.ts'
import type { Conversation, Copy } from '../src/messages/message.ts'
import {
  type Budget,
  type Channel,
  ChannelBusy,
  type Mailer,
  type Message,
  PlaceGone,
} from '../src/messages/message-sender.ts'
import type { Directory } from '../src/rules/directory.ts'
import type { Commit } from '../src/store/commit.ts'
import type { RecordPort } from '../src/store/record-store.ts'
import type { Reading, ShownNeeds } from '../src/views/read-view.ts'

export interface PresentNeeds extends ShownNeeds {
  readonly record: RecordPort
  readonly channel: Channel
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
  readonly needs: PresentNeeds
  readonly reading: Reading
  readonly now: () => number
}

/**
 * Brings one copy to the present state: claim, present, keep the reference.
 * @param now The record's clock.
 */
export async function presentCopy(
  needs: PresentNeeds,
  reading: Reading,
  one: StoredCopy,
  now: () => number,
): Promise<Outcome> {
  const { copy } = one
  if (copy.dead !== undefined || !isWanted(copy, reading)) return 'present'
  const claimedMs = claimedForMs(copy, now())
  if (claimedMs > 0) return { waitMs: claimedMs }
  const work = { needs, reading, now }
  try {
    refuseFurtherTries(copy)
    return copy.place.channel === 'mail' ? await mail(work, one) : await show(work, one)
  } catch (error) {
    if (error instanceof ChannelBusy) return { waitMs: error.waitMs }
    if (!(error instanceof PlaceGone)) throw error
    await bury(work, copy.id, error.reason)
    return 'present'
  }
}

function refuseFurtherTries({ place, tries = 0, reference }: Copy): void {
  const most = place.channel === 'mail' ? MOST_TRIES.mail : MOST_TRIES.card
  if (reference === undefined && tries >= most)
    throw new PlaceGone(`It was sent ${tries} times and never answered: it may be there or not.`)
}

async function mail(work: Work, one: StoredCopy): Promise<Outcome> {
  const { mailer, publicUrl } = work.needs
  if (!mailer) return 'present'
  const to = await addressOf(work.needs, one.copy)
  const { subject, html } = renderMail(work.reading.shown, publicUrl)
  const claimed = await claim(work, one, one.copy.place)
  await unclaimIfRefused(work, claimed, () => mailer.send({ to, subject, html, id: one.copy.id }))
  // A mail cannot be edited: its page always shows the present state.
  await keep(work, claimed, { presented: 'sent', reference: one.copy.id })
  return 'shown'
}

/** From the directory, at this moment: whoever can write to Redis cannot make us write to strangers. */
async function addressOf({ directory }: PresentNeeds, { reader }: Copy): Promise<string> {
  const person = await directory.person(reader)
  if (person?.enabled && person.mail !== undefined) return person.mail
  throw new PlaceGone('The directory names no mail address of theirs.')
}

async function show(work: Work, one: StoredCopy): Promise<Outcome> {
  const { channel, budget, publicUrl } = work.needs
  const { copy } = one
  const conversation = await conversationOf(channel, copy)
  // Where it is shown decides what: its place must be known before it is rendered.
  const placed = { ...copy, place: { channel: 'teams', conversation } } as const
  const message = messageOf(placed, work.reading, publicUrl)
  const content = contentOf(message)
  if (copy.presented === content) return 'present'
  const turn = await budget.take(conversation.conversationId)
  if ('waitMs' in turn) {
    // Opened once is enough, however long it waits.
    if (copy.place.channel === 'personal') await write(work.needs.record, one, placed)
    return turn
  }
  const sent = await orGiveBack(turn, () => put(work, one, conversation, message))
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

async function conversationOf(channel: Channel, { place, reader }: Copy): Promise<Conversation> {
  return place.channel === 'teams' ? place.conversation : await channel.open(reader)
}

interface Put {
  /** As the record has it. */
  readonly from: StoredCopy
  readonly changes: Partial<Copy>
}

async function put(work: Work, one: StoredCopy, conversation: Conversation, message: Message): Promise<Put> {
  const { channel } = work.needs
  if (one.copy.reference !== undefined) {
    await channel.update(conversation, one.copy.reference, message)
    return { from: one, changes: {} }
  }
  const claimed = await claim(work, one, { channel: 'teams', conversation })
  const reference = await unclaimIfRefused(work, claimed, () => channel.send(conversation, message))
  return { from: claimed, changes: { reference } }
}

/** By the clock of this moment: a claim is as old as it is, however long the round. */
async function claim({ needs, now }: Work, one: StoredCopy, place: Copy['place']): Promise<StoredCopy> {
  const claimedAt = new Date(now()).toISOString()
  return await write(needs.record, one, { ...one.copy, place, claimedAt, tries: (one.copy.tries ?? 0) + 1 })
}

/** The channel said that nothing was sent: whoever comes next need not wait for the claim to lapse. */
async function unclaimIfRefused<T>({ needs }: Work, claimed: StoredCopy, act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    if (error instanceof ChannelBusy && error.refused) await write(needs.record, claimed, withoutTry(claimed.copy))
    throw error
  }
}

async function keep({ needs }: Work, one: StoredCopy, changes: Partial<Copy>): Promise<void> {
  const { copy } = one
  const first = copy.reference === undefined
  const sent = { id: copy.id, reader: copy.reader, channel: copy.place.channel }
  const audit: Commit['audit'] = first
    ? [{ kind: 'copies.sent', actor: LATCHKEY, requestId: copy.requestId, copies: [sent] }]
    : []
  await write(needs.record, one, { ...withoutClaim(copy), ...changes }, audit)
}

/** Read again: it may have been claimed meanwhile. */
async function bury({ needs }: Work, copyId: string, reason: string): Promise<void> {
  const [stored] = await readCopies(needs.record, [copyId])
  if (!stored) return
  const { requestId, reader } = stored.copy
  needs.log.warn({ copyId, requestId, reason }, 'somebody cannot be reached')
  await write(needs.record, stored, { ...withoutClaim(stored.copy), dead: reason }, [
    { kind: 'copy.unreachable', actor: LATCHKEY, requestId, copyId, reader, reason },
  ])
}

function withoutClaim({ claimedAt: _, tries: __, ...copy }: Copy): Copy {
  return copy
}

function withoutTry({ tries = 1, ...copy }: Copy): Copy {
  return { ...withoutClaim(copy), ...(tries > 1 ? { tries: tries - 1 } : {}) }
}

async function write(
  record: RecordPort,
  { copy, version }: StoredCopy,
  next: Copy,
  audit: Commit['audit'] = [],
): Promise<StoredCopy> {
  await record.commit({ records: [{ kind: 'copy', id: copy.id, expectedVersion: version, next }], audit })
  return { version: version + 1, copy: next }
}
