import type { RenderedCard } from '../messages/message-sender.ts'
import { type DisplayStatus, displayStatusOf, isOver } from '../views/display-status.ts'
import type { RequestAndGrant } from '../views/read-view.ts'
import { clip } from '../views/safe-text.ts'
import { rowsOf } from './detail-rows.ts'
import { headlineOf } from './headline.ts'
import { leadOf } from './lead-sentence.ts'
import { compileTemplate } from './template.ts'
import { writesOf } from './write-summary-rows.ts'

/** Who reads a card, which decides what is on it. */
export type CardReader =
  | { readonly role: 'requester' }
  /** `hasApproved`: this person approved the request, so they may end the grant. */
  | { readonly role: 'approver'; readonly hasApproved: boolean }
  /**
   * The card that all people of a conversation see. The clients of `refreshFor` (Teams user ids) fetch their own view
   * of it.
   */
  | { readonly role: 'everybody'; readonly refreshFor: readonly string[] }

const fill = compileTemplate('request')

const LONGEST_SUMMARY = 200

/** Deterministic: the same view gives exactly the same card. A card is sent again only when it differs. */
export function renderCard(view: RequestAndGrant, reader: CardReader, publicUrl: string): RenderedCard {
  const { request, grant } = view
  const { role } = reader
  const status = displayStatusOf(view)
  const headline = headlineOf(view, status, role)
  const lead = leadOf(view, status, role)
  const isUsedBy = (driver: 'session' | 'attach') =>
    role === 'requester' && status === 'active' && grant?.driver === driver
  const wasActive = grant !== null && grant.activatedAt !== null
  const card = fill({
    requestId: request.id,
    version: request.version,
    grantId: grant?.id ?? '',
    publicUrl,
    headline,
    lead,
    rows: rowsOf(view, status, role),
    isUsable: isUsedBy('session'),
    isAttached: isUsedBy('attach'),
    // Writes are shown from the activation on, but to the approver only when the access is over.
    writes: wasActive && (role !== 'approver' || isOver(status)) ? [writesOf(grant.writes, status === 'active')] : [],
    may: mayOf(status, reader, lead.isCut),
    refresh: refreshOf(request.id, status, reader),
  })
  return { card, summary: clip(`${headline.title}: ${lead.runs.map(({ text }) => text).join('')}`, LONGEST_SUMMARY) }
}

/** Which buttons the card has. A button gives no right: rules and directory are checked at the click. */
function mayOf(status: DisplayStatus, reader: CardReader, isCut: boolean): Readonly<Record<string, boolean>> {
  const { role } = reader
  const isReview = role === 'approver' && status === 'pending'
  return {
    // Nobody approves a scope that the card does not show completely.
    approve: isReview && !isCut,
    deny: isReview,
    cancel: role === 'requester' && status === 'pending',
    done: role === 'requester' && status === 'active',
    end: reader.role === 'approver' && reader.hasApproved && status === 'active',
  }
}

function refreshOf(requestId: string, status: DisplayStatus, reader: CardReader): object {
  const action = { type: 'Action.Execute', title: 'Show the present state', verb: 'view', data: { requestId } }
  // With an empty list no client refreshes the card by itself.
  if (isOver(status)) return { action, userIds: [] }
  return reader.role === 'everybody' ? { action, userIds: reader.refreshFor } : { action }
}
