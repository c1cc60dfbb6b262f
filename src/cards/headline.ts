import type { DisplayStatus, ReaderRole } from '../views/display-status.ts'
import type { RequestAndGrant } from '../views/read-view.ts'
import { moment } from '../views/words.ts'

/** The band at the top of a card: the status in words. Its text is trusted, so it may be in a TextBlock. */
export interface Headline {
  readonly title: string
  /** Empty: no note below the title. */
  readonly note: string
  /** A colour. It adds nothing to the words, for readers who cannot see colours. */
  readonly style: 'accent' | 'attention' | 'emphasis' | 'good' | 'warning'
}

const STYLES: Readonly<Record<DisplayStatus, Headline['style']>> = {
  pending: 'accent',
  approved: 'good',
  activating: 'accent',
  active: 'good',
  revoking: 'warning',
  failing: 'attention',
  failed: 'attention',
  expired: 'emphasis',
  revoked: 'emphasis',
  denied: 'attention',
  cancelled: 'emphasis',
  lapsed: 'emphasis',
}

const TITLES: Readonly<Record<DisplayStatus, string>> = {
  pending: 'Waiting for a decision',
  approved: 'Approved',
  activating: 'Approved; access is being set up',
  active: 'Access is active',
  revoking: 'Access is ending',
  failing: 'Access could not be set up',
  failed: 'Access could not be set up',
  expired: 'Access expired on time',
  revoked: 'Access was revoked early',
  denied: 'Denied',
  cancelled: 'Cancelled by the requester',
  lapsed: 'Lapsed: nobody decided in time',
}

export function headlineOf(view: RequestAndGrant, status: DisplayStatus, role: ReaderRole): Headline {
  const isTheirDecision = status === 'pending' && role === 'approver'
  return {
    title: isTheirDecision ? 'Your decision is needed' : TITLES[status],
    note: noteOf(view, status, role),
    style: STYLES[status],
  }
}

/** A card may stay unedited for long, so a note gives a time of day and never the time left. */
function noteOf({ request, grant }: RequestAndGrant, status: DisplayStatus, role: ReaderRole): string {
  const again = role === 'requester' ? ' You can ask again.' : ''
  if (status === 'pending') return `Open until ${moment(request.lapsesAt)}, then it lapses.`
  if (status === 'approved') return approvedNote(request)
  if (status === 'active') return grant?.endsAt ? `Until ${moment(grant.endsAt)}, then it ends by itself.` : ''
  if (status === 'revoking') return 'AWS is being told to refuse it. Until that is seen to work, it is not over.'
  if (status === 'failing') return 'Latchkey is making sure that nothing is left in AWS.'
  if (status === 'failed') return `Nobody could use it, and nothing is left in AWS.${again}`
  if (request.extends !== null) return 'What was granted before is not changed by this.'
  return status === 'lapsed' ? `Nothing was granted.${again}` : ''
}

/**
 * The note of an approved request. An extension gets no message about a grant, because the card of the first request
 * shows the extended grant. So its note gives the new end.
 */
function approvedNote({ extends: extended, decision, durationMinutes }: RequestAndGrant['request']): string {
  if (extended === null || !decision) return 'What follows is told in a message of its own.'
  return `Access may last until ${moment(new Date(Date.parse(decision.at) + durationMinutes * 60_000).toISOString())}.`
}
