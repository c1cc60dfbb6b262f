import { createHash } from 'node:crypto'
import { isPartyTo } from '../grants/grant.ts'
import { isPersonal, type Message } from '../messages/message.ts'
import type { RenderedCard } from '../messages/message-sender.ts'
import type { LoadedRequest } from '../views/read-view.ts'
import { type CardReader, renderCard } from './request-card.ts'

/** A hash of the card's content. A card with the hash of the card that was sent last is not sent again. */
export function cardHash({ card }: RenderedCard): string {
  return createHash('sha256').update(JSON.stringify(card)).digest('base64url').slice(0, 22)
}

/**
 * Whether this message has something to show. An approver who did not get it while the request was pending does not get
 * it afterwards.
 */
export function shouldShow(
  { role, shows, place, reference, presented }: Message,
  { request, grant }: LoadedRequest,
): boolean {
  const { status } = request.request
  const isExtension = request.request.extends !== undefined && status === 'approved'
  if (shows === 'outcome')
    return isOutcome(status) || isExtension || (grant !== undefined && grant.grant.status !== 'activating')
  if (place.channel === 'mail') return status === 'pending' && presented === ''
  return role === 'requester' || status === 'pending' || reference !== undefined
}

/**
 * Whether the request ended without a grant and not by its requester. Such an end needs a message; the requester's own
 * `cancel` does not.
 */
function isOutcome(status: string): boolean {
  return status === 'denied' || status === 'lapsed'
}

/** The requester has two messages: the first shows the request and its decision, the second shows the grant. */
export function renderMessage(message: Message, loaded: LoadedRequest, publicUrl: string): RenderedCard {
  const { view } = loaded
  const isFirst = message.role === 'requester' && message.shows === 'request'
  return renderCard(isFirst ? { ...view, grant: null } : view, readerOf(message, loaded), publicUrl)
}

/**
 * In a conversation of several people all see the same card. The requester's client then fetches a view of their own.
 */
function readerOf({ role, reader, place }: Message, loaded: LoadedRequest): CardReader {
  const isShared = place.channel === 'teams' && !isPersonal(place.conversation)
  if (!isShared) return cardReaderOf(role, reader, loaded)
  const { userId } = place.conversation
  return { role: 'everybody', refreshFor: userId === undefined ? [] : [userId] }
}

/** The reader of a card that only one person sees. */
export function cardReaderOf(role: Message['role'], readerId: string, { grant }: LoadedRequest): CardReader {
  return role === 'requester'
    ? { role }
    : { role, hasApproved: grant !== undefined && isPartyTo(grant.grant.terms, readerId) }
}
