import { createHash } from 'node:crypto'
import { isPartyTo } from '../grants/grant.ts'
import { isPersonal, type Message } from '../messages/message.ts'
import type { RenderedCard } from '../messages/message-sender.ts'
import type { Reading } from '../views/read-view.ts'
import { type CardReader, renderCard } from './request-card.ts'

/** Names what is shown by its content: what reads the same need not be sent again. */
export function cardHash({ card }: RenderedCard): string {
  return createHash('sha256').update(JSON.stringify(card)).digest('base64url').slice(0, 22)
}

/** Whether this message has something to show by now. What nobody saw while it could be decided is not sent afterwards. */
export function shouldShow(
  { role, shows, place, reference, presented }: Message,
  { request, grant }: Reading,
): boolean {
  const { status } = request.request
  const isExtension = request.request.extends !== undefined && status === 'approved'
  if (shows === 'outcome')
    return isOutcome(status) || isExtension || (grant !== undefined && grant.grant.status !== 'activating')
  if (place.channel === 'mail') return status === 'pending' && presented === ''
  return role === 'requester' || status === 'pending' || reference !== undefined
}

/** What its requester did not do themselves, and no grant follows. */
function isOutcome(status: string): boolean {
  return status === 'denied' || status === 'lapsed'
}

/** The requester's first message tells what was asked and decided; what follows is told by the second. */
export function renderMessage(message: Message, reading: Reading, publicUrl: string): RenderedCard {
  const { shown } = reading
  const isFirst = message.role === 'requester' && message.shows === 'request'
  return renderCard(isFirst ? { ...shown, grant: null } : shown, readerOf(message, reading), publicUrl)
}

/** In a conversation of many the card itself is for everybody; who asked gets their own view of it. */
function readerOf({ role, reader, place }: Message, reading: Reading): CardReader {
  const isShared = place.channel === 'teams' && !isPersonal(place.conversation)
  if (!isShared) return cardReaderOf(role, reader, reading)
  const { userId } = place.conversation
  return { part: 'everybody', refreshFor: userId === undefined ? [] : [userId] }
}

/** As somebody sees it who sees it alone. */
export function cardReaderOf(role: Message['role'], readerId: string, { grant }: Reading): CardReader {
  return role === 'requester'
    ? { part: role }
    : { part: role, hasApproved: grant !== undefined && isPartyTo(grant.grant.terms, readerId) }
}
