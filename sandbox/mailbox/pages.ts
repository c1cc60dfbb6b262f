import type { SandboxPerson } from '../entra/tenant.ts'
import { html, initials } from '../page-text.ts'
import { STYLE } from './style.ts'

interface Listed {
  readonly id: string
  readonly at: string
  readonly from: string
  readonly to: readonly string[]
  readonly subject: string
}

const RELOAD =
  "new EventSource(location.pathname.split('/').slice(0, 2).join('/') + '/arrivals').onmessage = () => location.reload()"

/** The page on which the reader picks a person. */
export function peoplePage(people: readonly { readonly person: SandboxPerson; readonly count: number }[]): string {
  const rows = people.map(
    ({ person, count }) => `<li><a href="/${person.id}">
<span class="initials" aria-hidden="true">${html(initials(person.displayName))}</span>
<span class="who">${html(person.displayName)}</span>
<span class="about">${html(person.mail ?? person.userPrincipalName)}</span>
<span class="count">${count === 0 ? 'no mail' : count === 1 ? '1 mail' : `${count} mails`}</span></a></li>`,
  )
  return page('Mailboxes', `<main class="people"><h1>Whose mailbox?</h1><ul>${rows.join('')}</ul></main>`)
}

/** The list of mails beside one open mail; on a phone one of the two. */
export function inboxPage(person: SandboxPerson, mails: readonly Listed[], chosen: Listed | undefined): string {
  const newestFirst = [...mails].reverse()
  const shown = chosen ?? newestFirst[0]
  const rows = newestFirst.map((mail) => row(person, mail, mail === shown))
  const list =
    rows.length === 0
      ? '<p class="empty">Nothing yet. New mail appears here by itself.</p>'
      : `<ul>${rows.join('')}</ul>`
  return page(
    `Mail of ${person.displayName}`,
    `<main class="mailbox${chosen === undefined ? '' : ' reading'}">
<nav class="list" aria-label="Inbox"><h1>${html(person.displayName)}</h1><p class="about">${html(person.mail ?? '')}</p>${list}</nav>
${shown === undefined ? '<p class="empty none">No mail.</p>' : message(person, shown)}
</main><script>${RELOAD}</script>`,
  )
}

/** The mail as it was sent. Its links open outside the frame. */
export function bodyPage(body: string): string {
  const base = '<base target="_blank">'
  return body.includes('<head>') ? body.replace('<head>', `<head>${base}`) : `${base}${body}`
}

function row(person: SandboxPerson, { id, at, from, subject }: Listed, isShown: boolean): string {
  return `<li><a href="/${person.id}/${id}"${isShown ? ' aria-current="true"' : ''}>
<span class="from">${html(from)}</span><time datetime="${at}">${time(at)}</time>
<span class="subject">${html(subject)}</span></a></li>`
}

function message(person: SandboxPerson, { id, at, from, to, subject }: Listed): string {
  return `<article>
<a class="back" href="/${person.id}">Inbox</a>
<header><h1>${html(subject)}</h1>
<p>${html(from)} to ${html(to.join(', '))}<br><time datetime="${at}">${time(at)}</time></p></header>
<iframe title="${html(subject)}" src="/${person.id}/${id}/body" sandbox="allow-popups allow-popups-to-escape-sandbox"></iframe>
</article>`
}

function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${html(title)}</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
</head>
<body>
<header class="bar"><a href="/">Mail</a><span class="sandbox">Sandbox: not Microsoft</span></header>
${body}
</body>
</html>`
}

function time(iso: string): string {
  return `${iso.slice(11, 16)} UTC`
}
