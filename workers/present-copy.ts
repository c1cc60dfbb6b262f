import type { Logger } from 'pino'
import type { Conversation, Copy } from '../src/access-requests/copies.ts'
import { LATCHKEY } from '../src/audit/events.ts'
import { type Budget, type Channel, ChannelBusy, type Mailer, type Message, PlaceGone } from '../src/cards/channel.ts'
import { contentOf, isClaimed, isWanted, messageOf, readCopies, type StoredCopy } from '../src/cards/copy.ts'
import { renderMail } from '../src/cards/render-mail.ts'
import type { Reading, ShownNeeds } from '../src/cards/shown.ts'
import type { Commit, RecordPort } from '../src/record.ts'

export interface PresentNeeds extends ShownNeeds {
  readonly record: RecordPort
  readonly channel: Channel
  /** Undefined: this installation sends no mail. */
  readonly mailer: Mailer | undefined
  readonly budget: Budget
  readonly publicUrl: string
  readonly log: Logger
}

/** `waitMs`: not now. */
export type Outcome = 'present' | 'shown' | { readonly waitMs: number }

/** Somebody else has claimed it. */
const WAIT_FOR_CLAIM_MS = 5_000

interface Work {
  readonly needs: PresentNeeds
  readonly reading: Reading
  readonly nowMs: number
}

/** Brings one copy to the present state: claim, present, keep the reference. */
export async function presentCopy(
  needs: PresentNeeds,
  reading: Reading,
  one: StoredCopy,
  nowMs: number,
): Promise<Outcome> {
  const { copy } = one
  if (copy.dead !== undefined || !isWanted(copy, reading)) return 'present'
  if (isClaimed(copy, nowMs)) return { waitMs: WAIT_FOR_CLAIM_MS }
  const work = { needs, reading, nowMs }
  try {
    return copy.place.channel === 'mail' ? await mail(work, one, copy.place.address) : await show(work, one)
  } catch (error) {
    if (error instanceof ChannelBusy) return { waitMs: error.waitMs }
    if (!(error instanceof PlaceGone)) throw error
    await bury(work, copy.id, error.reason)
    return 'present'
  }
}

async function mail(work: Work, one: StoredCopy, address: string): Promise<Outcome> {
  const { mailer, publicUrl } = work.needs
  if (!mailer) return 'present'
  const { subject, html } = renderMail(work.reading.shown, publicUrl)
  const claimed = await claim(work, one, one.copy.place)
  await unclaimIfBusy(work, claimed, () => mailer.send({ to: address, subject, html, id: one.copy.id }))
  // A mail cannot be edited: its page always shows the present state.
  await keep(work, claimed, { presented: 'sent', reference: one.copy.id })
  return 'shown'
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
  if ('waitMs' in turn) return turn
  try {
    if (copy.reference === undefined) await send(work, one, conversation, message)
    else {
      await channel.update(conversation, copy.reference, message)
      await keep(work, one, { presented: content })
    }
    return 'shown'
  } finally {
    await turn.giveBack()
  }
}

async function conversationOf(channel: Channel, { place, reader }: Copy): Promise<Conversation> {
  return place.channel === 'teams' ? place.conversation : await channel.open(reader)
}

async function send(work: Work, one: StoredCopy, conversation: Conversation, message: Message): Promise<void> {
  const claimed = await claim(work, one, { channel: 'teams', conversation })
  const reference = await unclaimIfBusy(work, claimed, () => work.needs.channel.send(conversation, message))
  await keep(work, claimed, { presented: contentOf(message), reference })
}

async function claim({ needs, nowMs }: Work, one: StoredCopy, place: Copy['place']): Promise<StoredCopy> {
  return await write(needs.record, one, { ...one.copy, place, claimedAt: new Date(nowMs).toISOString() })
}

/** The channel said that nothing was sent: whoever comes next need not wait for the claim to lapse. */
async function unclaimIfBusy<T>({ needs }: Work, claimed: StoredCopy, act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    if (error instanceof ChannelBusy && error.refused) await write(needs.record, claimed, withoutClaim(claimed.copy))
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

function withoutClaim({ claimedAt: _, ...copy }: Copy): Copy {
  return copy
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
