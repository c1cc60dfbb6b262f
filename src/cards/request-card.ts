import type { RenderedCard } from '../messages/message-sender.ts'
import { type DisplayStatus, displayStatusOf, isOver } from '../views/display-status.ts'
import type { RequestAndGrant } from '../views/read-view.ts'
import { clip } from '../views/safe-text.ts'
import { rowsOf } from './detail-rows.ts'
import { headlineOf } from './headline.ts'
import { leadOf } from './lead-sentence.ts'
import { compileTemplate } from './template.ts'
import { writesOf } from './write-summary-rows.ts'

/** `everybody`: the card that all in a conversation see; these people's clients (Teams' own ids) ask for a view of their own. */
export type CardReader =
  | { readonly part: 'requester' }
  /** `hasApproved`: theirs was the yes, so they may end it. */
  | { readonly part: 'approver'; readonly hasApproved: boolean }
  | { readonly part: 'everybody'; readonly refreshFor: readonly string[] }

const fill = compileTemplate('request')

const LONGEST_SUMMARY = 200

/** The same record gives the same card, to the letter: a card is sent again only where it differs. */
export function renderCard(shown: RequestAndGrant, reader: CardReader, publicUrl: string): RenderedCard {
  const { request, grant } = shown
  const { part } = reader
  const status = displayStatusOf(shown)
  const headline = headlineOf(shown, status, part)
  const lead = leadOf(shown, status, part)
  const isUsedBy = (driver: 'session' | 'attach') =>
    part === 'requester' && status === 'active' && grant?.driver === driver
  const wasActive = grant !== null && grant.activatedAt !== null
  const card = fill({
    requestId: request.id,
    version: request.version,
    grantId: grant?.id ?? '',
    publicUrl,
    headline,
    lead,
    rows: rowsOf(shown, status, part),
    isUsable: isUsedBy('session'),
    isAttached: isUsedBy('attach'),
    // Live in the requester's thread; whoever approved gets the sum at the end.
    writes: wasActive && (part !== 'approver' || isOver(status)) ? [writesOf(grant.writes, status === 'active')] : [],
    may: mayOf(status, reader, lead.isCut),
    refresh: refreshOf(request.id, status, reader),
  })
  return { card, summary: clip(`${headline.title}: ${lead.runs.map(({ text }) => text).join('')}`, LONGEST_SUMMARY) }
}

/** Which buttons are on it. They give no right: rules and directory are asked at the click. */
function mayOf(status: DisplayStatus, reader: CardReader, isCut: boolean): Readonly<Record<string, boolean>> {
  const { part } = reader
  const isReview = part === 'approver' && status === 'pending'
  return {
    // Nobody says yes to what the card cannot show whole.
    approve: isReview && !isCut,
    deny: isReview,
    cancel: part === 'requester' && status === 'pending',
    done: part === 'requester' && status === 'active',
    end: reader.part === 'approver' && reader.hasApproved && status === 'active',
  }
}

function refreshOf(requestId: string, status: DisplayStatus, reader: CardReader): object {
  const action = { type: 'Action.Execute', title: 'Show the present state', verb: 'view', data: { requestId } }
  // A list without anybody in it: nobody's client asks by itself.
  if (isOver(status)) return { action, userIds: [] }
  return reader.part === 'everybody' ? { action, userIds: reader.refreshFor } : { action }
}
