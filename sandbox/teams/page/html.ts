import { html } from '../../page-text.ts'
import type { Roster, TeamsPerson } from '../roster.ts'

export function pageHtml(roster: Roster, shown: readonly TeamsPerson[]): string {
  const here = new Set(shown.map(({ objectId }) => objectId))
  const links = roster.people().map((person) => {
    const next = here.has(person.objectId)
      ? shown.filter(({ objectId }) => objectId !== person.objectId)
      : [...shown, person]
    const query = next.map(({ objectId }) => objectId).join(',')
    const first = person.name.split(' ')[0] ?? person.name
    const act = here.has(person.objectId) ? 'Hide' : 'Show'
    return `<a href="/?people=${html(query)}"${here.has(person.objectId) ? ' class="on"' : ''} aria-label="${act} ${html(person.name)}">${html(first)}</a>`
  })
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sandbox Teams: ${html(shown.map(({ name }) => name).join(', '))}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/page.css">
<script src="/page.js" defer></script>
</head>
<body>
<header class="bar">
<h1>Teams</h1>
<span class="sandbox">Sandbox: not Microsoft</span>
<details class="people"><summary>People</summary><nav aria-label="People">${links.join('')}</nav></details>
</header>
<nav id="switcher" aria-label="Whose screen"></nav>
<main id="rooms"><p class="empty" id="waiting">Connecting…</p></main>
</body>
</html>`
}
