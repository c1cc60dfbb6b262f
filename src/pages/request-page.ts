import { html } from 'ghtml'
import type { GrantView } from '../views/grant-view.ts'
import type { Preview } from '../views/preview.ts'
import type { RequestAndGrant } from '../views/read-view.ts'
import { askSentence, timeWords, withTimes } from '../views/request-sentence.ts'
import type { RequestView } from '../views/request-view.ts'
import { plain } from '../views/safe-text.ts'
import { durationWords } from '../views/words.ts'
import { layout } from './layout.ts'
import type { Session } from './session.ts'

/** The page of one request for one person. */
export interface RequestPage {
  readonly view: RequestAndGrant
  readonly session: Session
  /** `approver`: this person was asked, and the request has not lapsed. Only they get the form. */
  readonly role: 'approver' | 'requester' | 'onlooker'
  /** Why the form that was just sent was refused. */
  readonly notice?: string
  /** The comment in the form that changed nothing, to fill in again. */
  readonly comment?: string
}

const STATES: Readonly<Record<RequestView['status'], readonly [words: string, cssClass: string]>> = {
  pending: ['Waiting for a decision', 'waits'],
  approved: ['Approved', 'good'],
  denied: ['Denied', 'bad'],
  cancelled: ['Cancelled', ''],
  lapsed: ['Lapsed', ''],
}

export const LONGEST_COMMENT = 1_000

export function requestPage(page: RequestPage): string {
  const { request, grant } = page.view
  const [words, cssClass] = STATES[request.status]
  const main = html`<div class="head"><p class="state ${cssClass}">${words}</p><h1>${askSentence(request)}</h1></div>
!${page.notice === undefined ? '' : html`<p class="notice" role="alert">${withTimes(page.notice)}</p>`}
!${request.status === 'pending' ? '' : outcome(request)}
!${grant === null ? '' : access(grant)}
<section><dl>!${facts(request).map(fact).join('')}</dl></section>
!${request.status === 'pending' ? next(page) : ''}
<p class="foot">Request ${request.id}, under the entitlement ${request.entitlement}.</p>`
  return layout({ title: `${words}: access for ${plain(request.requester)}`, session: page.session, main })
}

type Fact = readonly [title: string, lines: readonly string[], cssClass?: 'exact']

function facts(request: RequestView): readonly Fact[] {
  const ticket: readonly Fact[] = request.ticket === '' ? [] : [['Ticket', [request.ticket]]]
  const wait: readonly Fact[] = request.status === 'pending' ? [['Waits until', [timeWords(request.lapsesAt)]]] : []
  return [
    ['Requester', [request.requester]],
    ['Scope', request.scopes, 'exact'],
    ...previewFacts(request.preview),
    ...(request.warnings.length === 0 ? [] : [['Careful', request.warnings] as const]),
    ['For how long', [`${durationWords(request.durationMinutes)}, beginning with the approval`]],
    ['Reason', [request.reason]],
    ...ticket,
    ['Asked at', [timeWords(request.askedAt)]],
    ...wait,
  ]
}

function previewFacts({ can, cannot, only }: Preview): readonly Fact[] {
  const limits: readonly Fact[] = only.length === 0 ? [] : [['Only', only]]
  return [['Can', [can.join(', ')]], ...limits, ['Cannot', [cannot.join(', ')]]]
}

function fact([title, lines, cssClass]: Fact): string {
  const spans = lines.map((line) => html`<span dir="auto">${plain(line)}</span>`).join('')
  return html`<dt>${title}</dt><dd!${cssClass === undefined ? '' : ` class="${cssClass}"`}>!${spans}</dd>`
}

function outcome({ status, decision, requester, closedAt, lapsesAt }: RequestView): string {
  if (decision !== null) {
    const { by, as, at, comment } = decision
    const quote = comment === '' ? '' : html`<blockquote dir="auto">${plain(comment)}</blockquote>`
    return html`<section><h2>${STATES[status][0]} by ${plain(by)}</h2><p class="hint">as ${as}, ${timeWords(at)}</p>!${quote}</section>`
  }
  const sentence =
    status === 'cancelled'
      ? `${plain(requester)} took it back${closedAt === null ? '' : `, ${timeWords(closedAt)}`}.`
      : `Nobody decided before ${timeWords(lapsesAt)}. Ask again if access is still needed.`
  return html`<section><h2>${STATES[status][0]}</h2><p>${sentence}</p></section>`
}

function access({ id, status, endsAt, endedAt }: GrantView): string {
  const until = endsAt === null ? '' : ` It ends by itself: ${timeWords(endsAt)}.`
  const sentences: Readonly<Record<GrantView['status'], string>> = {
    activating: 'The access is being activated.',
    active: `The access is active.${until}`,
    revoking: 'The access is being taken away.',
    expired: `The access ended on time${endedAt === null ? '' : `, ${timeWords(endedAt)}`}.`,
    revoked: `The access was ended early${endedAt === null ? '' : `, ${timeWords(endedAt)}`}.`,
  }
  return html`<section><h2>Access</h2><p>${sentences[status]}</p><p class="hint">Grant ${id}</p></section>`
}

function next({ view: { request }, session, role, comment = '' }: RequestPage): string {
  if (role === 'approver') return form(request, session.csrf, comment)
  const asked = request.asked.map(plain).join(', ')
  const sentence =
    role === 'requester'
      ? 'Nobody decides their own request; somebody else was asked. You can leave this page: Teams tells you what became of it.'
      : 'You can see this request, and it is not yours to decide.'
  return html`<section><h2>Waiting for somebody else</h2><p>${sentence}</p><p class="hint">Asked: ${asked}</p></section>`
}

function form({ id, version }: RequestView, csrf: string, comment: string): string {
  return html`<section><form method="post" action="/requests/${id}" autocomplete="off">
<h2>Your decision</h2>
<input type="hidden" name="csrf" value="${csrf}">
<input type="hidden" name="version" value="${version}">
<label for="comment">Comment <span class="hint">(optional; the requester reads it)</span></label>
<textarea id="comment" name="comment" maxlength="${LONGEST_COMMENT}" rows="3">${comment}</textarea>
<div class="choice"><button name="decision" value="approve">Approve</button><button class="no" name="decision" value="deny">Deny</button></div>
</form></section>`
}
