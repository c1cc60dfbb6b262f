import { html } from 'ghtml'
import type { Preview } from '../views/preview.ts'
import type { RequestAndGrant } from '../views/read-view.ts'
import { askSentence, timeWords, whatIsAsked } from '../views/request-sentence.ts'
import type { RequestView } from '../views/request-view.ts'
import { clip, plain } from '../views/safe-text.ts'
import { durationWords } from '../views/words.ts'

/** Far below the lengths at which mail servers fold or refuse a subject. */
const LONGEST_SUBJECT = 160

/**
 * The classes are only for dark mode. Everything else is styled inline, so a client that drops the style sheet shows
 * the complete light mail.
 */
const DARK = `
@media (prefers-color-scheme: dark) {
.ground { background: #10151b !important; }
.card { background: #1a222b !important; border-color: #323d49 !important; }
.ink { color: #edf1f5 !important; }
.quiet { color: #a5b1be !important; }
.button { background: #7db8f2 !important; color: #0b1622 !important; }
}`

const FONT = "font-family:'Segoe UI',system-ui,-apple-system,Arial,sans-serif"
const QUIET = `${FONT};font-size:14px;line-height:20px;color:#55616f`
const INK = `${FONT};font-size:16px;line-height:24px;color:#16202c;word-break:break-word`
/** Without this HTML shows two spaces as one, and two different keys would look the same. */
const AS_WRITTEN = 'white-space:pre-wrap'
const BUTTON = `${FONT};display:inline-block;background:#0b5cad;color:#ffffff;font-size:16px;line-height:24px;font-weight:600;text-decoration:none;padding:12px 24px;border-radius:8px`

export interface RenderedMail {
  readonly subject: string
  readonly html: string
}

/**
 * The mail that asks an approver. Its only link leads to the page of the request. Opening the page changes nothing,
 * because mail scanners open links too.
 */
export function renderMail({ request }: RequestAndGrant, publicUrl: string): RenderedMail {
  return {
    subject: clip(whatIsAsked(request), LONGEST_SUBJECT),
    html: page(request, new URL(`/requests/${request.id}`, publicUrl)),
  }
}

function page(request: RequestView, link: URL): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<meta name="format-detection" content="telephone=no, date=no, address=no, email=no, url=no">
<title>A request for your decision</title>
<style>!${DARK}</style>
</head>
<body class="ground" style="margin:0;padding:0;background:#eef1f5">
<div role="article" aria-roledescription="email" lang="en">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" class="ground" style="background:#eef1f5">
<tr><td align="center" style="padding:24px 12px">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" class="card" style="max-width:560px;background:#ffffff;border:1px solid #d9dfe6;border-radius:14px">
<tr><td align="left" style="padding:28px 24px 8px">
<p class="quiet" style="margin:0 0 8px;${QUIET}">Latchkey: a request for your decision</p>
<h1 class="ink" style="margin:0;${INK};font-size:21px;line-height:29px;font-weight:600;${AS_WRITTEN}" dir="auto">${askSentence(request)}</h1>
</td></tr>
!${facts(request).map(fact).join('\n')}
<tr><td align="left" style="padding:16px 24px 8px"><a class="button" href="${link.href}" style="${BUTTON}">Review the request</a></td></tr>
<tr><td align="left" style="padding:8px 24px 28px">
<p class="quiet" style="margin:0 0 8px;${QUIET}">Opening it changes nothing: you sign in, see the request, and decide there. You can also decide on the card that Latchkey sent you in Teams.</p>
<p class="quiet" style="margin:0;${QUIET}">Request ${request.id}. Replies to this mail are not read.</p>
</td></tr>
</table>
</td></tr>
</table>
</div>
</body>
</html>`
}

type Fact = readonly [title: string, text: string]

function facts(request: RequestView): readonly Fact[] {
  const ticket: readonly Fact[] = request.ticket === '' ? [] : [['Ticket', plain(request.ticket)]]
  return [
    ['Scope', request.scopes.map(plain).join('\n')],
    ...previewFacts(request.preview),
    ...(request.warnings.length === 0 ? [] : [['Careful', request.warnings.map(plain).join(' ')] as const]),
    ['For how long', `${durationWords(request.durationMinutes)}, beginning with the approval; then it ends by itself`],
    ['Reason', plain(request.reason)],
    ...ticket,
    ['Waits until', timeWords(request.lapsesAt)],
  ]
}

function previewFacts({ can, cannot, only }: Preview): readonly Fact[] {
  return [
    ['Can', can.join(', ')],
    ...(only.length === 0 ? [] : [['Only', only.map(plain).join(', ')] as const]),
    ['Cannot', cannot.join(', ')],
  ]
}

function fact([title, text]: Fact): string {
  return html`<tr><td align="left" style="padding:8px 24px">
<p class="quiet" style="margin:0;${QUIET}">${title}</p>
<p class="ink" style="margin:0;${INK};${AS_WRITTEN}" dir="auto">${text}</p>
</td></tr>`
}
