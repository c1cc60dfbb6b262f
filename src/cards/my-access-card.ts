import type { RenderedCard } from '../messages/message-sender.ts'
import { displayStatusOf, type ReaderRole } from '../views/display-status.ts'
import type { RequestAndGrant } from '../views/read-view.ts'
import { cutMiddle, type TextRun } from '../views/safe-text.ts'
import { amount } from '../views/words.ts'
import { headlineOf } from './headline.ts'
import { leadOf } from './lead-sentence.ts'
import { compileTemplate } from './template.ts'

const fill = compileTemplate('access')

/** Of each list; the command line shows all. */
const MOST_SHOWN = 5
const LONGEST_SCOPE = 150

/** `my access`: what waits for this person's decision, and what they asked for themselves; the newest first, as they come. */
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

function listOf(title: string, all: readonly RequestAndGrant[], part: ReaderRole) {
  const others = all.length - MOST_SHOWN
  return {
    title,
    items: all.slice(0, MOST_SHOWN).map((shown) => itemOf(shown, part)),
    others: others > 0 ? `And ${others} more. In a terminal, latchkey requests lists them all.` : '',
  }
}

function itemOf(shown: RequestAndGrant, part: ReaderRole) {
  const status = displayStatusOf(shown)
  const { title, note } = headlineOf(shown, status, part)
  return {
    title,
    note,
    runs: leadOf(shown, status, part).runs.map(shortened),
    requestId: shown.request.id,
    grantId: shown.grant?.id ?? '',
    isDecision: part === 'approver' && status === 'pending',
    isLive: part === 'requester' && status === 'active',
  }
}

function shortened(run: TextRun): TextRun {
  return { ...run, text: cutMiddle(run.text, LONGEST_SCOPE) }
}
