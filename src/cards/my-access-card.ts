import type { RenderedCard } from '../messages/message-sender.ts'
import { displayStatusOf, type ReaderRole } from '../views/display-status.ts'
import type { RequestAndGrant } from '../views/read-view.ts'
import { cutMiddle, type TextRun } from '../views/safe-text.ts'
import { amount } from '../views/words.ts'
import { headlineOf } from './headline.ts'
import { leadOf } from './lead-sentence.ts'
import { compileTemplate } from './template.ts'

const fill = compileTemplate('access')

/** Entries of each list. The command line lists all. */
const MOST_SHOWN = 5
const LONGEST_SCOPE = 150

/**
 * The answer to `my access`: requests that wait for this person's decision, and their own requests. Both lists keep the
 * order given.
 */
export function renderAccess(mine: readonly RequestAndGrant[], toReview: readonly RequestAndGrant[]): RenderedCard {
  const lists = [
    listOf('Waiting for your decision', toReview, 'approver'),
    listOf('Your requests and access', mine, 'requester'),
  ]
  const card = fill({
    lists: lists.filter(({ items }) => items.length > 0),
    isEmpty: mine.length + toReview.length === 0,
  })
  return { card, summary: `Your access: ${amount(toReview.length, 'request')} to decide, ${mine.length} of your own` }
}

function listOf(title: string, all: readonly RequestAndGrant[], role: ReaderRole) {
  const others = all.length - MOST_SHOWN
  return {
    title,
    items: all.slice(0, MOST_SHOWN).map((view) => itemOf(view, role)),
    others: others > 0 ? `And ${others} more. In a terminal, latchkey requests lists them all.` : '',
  }
}

function itemOf(view: RequestAndGrant, role: ReaderRole) {
  const status = displayStatusOf(view)
  const { title, note } = headlineOf(view, status, role)
  return {
    title,
    note,
    runs: leadOf(view, status, role).runs.map(shortened),
    requestId: view.request.id,
    grantId: view.grant?.id ?? '',
    isDecision: role === 'approver' && status === 'pending',
    isLive: role === 'requester' && status === 'active',
  }
}

function shortened(run: TextRun): TextRun {
  return { ...run, text: cutMiddle(run.text, LONGEST_SCOPE) }
}
