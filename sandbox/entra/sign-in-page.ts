import { html, initials } from '../page-text.ts'
import type { SandboxPerson } from './tenant.ts'

const STYLE = `
:root { color-scheme: light dark; --ground: #eef1f5; --card: #fff; --ink: #16202c; --quiet: #55616f; --line: #d9dfe6; --accent: #0b5cad; --on-accent: #fff; --hover: #f3f7fb; --warn: #8a4b00; }
@media (prefers-color-scheme: dark) { :root { --ground: #10151b; --card: #1a222b; --ink: #edf1f5; --quiet: #a5b1be; --line: #323d49; --accent: #7db8f2; --on-accent: #0b1622; --hover: #222c37; --warn: #f0b56a; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; padding: 24px 16px; display: grid; place-items: start center; background: var(--ground); color: var(--ink); font: 16px/1.45 system-ui, sans-serif; }
main { width: 100%; max-width: 440px; margin-top: min(6vh, 48px); background: var(--card); border: 1px solid var(--line); border-radius: 14px; overflow: hidden; }
header { padding: 24px 24px 16px; }
h1 { margin: 0 0 4px; font-size: 22px; line-height: 1.25; }
p { margin: 0; color: var(--quiet); }
.sandbox { display: inline-block; margin-bottom: 12px; padding: 2px 10px; border: 1px solid var(--line); border-radius: 999px; font-size: 13px; color: var(--quiet); }
.fault { margin-top: 12px; color: var(--warn); }
ul { list-style: none; margin: 0; padding: 0 0 8px; }
li { border-top: 1px solid var(--line); }
li button { width: 100%; min-height: 64px; padding: 10px 24px; display: grid; grid-template-columns: 40px minmax(0, 1fr); gap: 2px 14px; align-items: center; text-align: left; font: inherit; color: inherit; background: none; border: 0; cursor: pointer; }
li button:hover { background: var(--hover); }
button:focus-visible { outline: 3px solid var(--accent); outline-offset: -3px; }
.initials { grid-row: span 2; width: 40px; height: 40px; border-radius: 50%; display: grid; place-items: center; background: var(--accent); color: var(--on-accent); font-size: 15px; font-weight: 600; }
.name { align-self: end; font-weight: 600; overflow-wrap: anywhere; }
.about { align-self: start; font-size: 14px; color: var(--quiet); overflow-wrap: anywhere; }
footer { border-top: 1px solid var(--line); padding: 12px 24px; }
footer button { min-height: 44px; padding: 0; font: inherit; color: var(--accent); background: none; border: 0; text-decoration: underline; cursor: pointer; }
`

interface Page {
  readonly people: readonly SandboxPerson[]
  /** The application that asks for the sign-in. */
  readonly clientName: string
  readonly action: string
  readonly fault?: string
}

/** The sign-in page of the sandbox: one click, no password. */
export function signInPage({ people, clientName, action, fault }: Page): string {
  return page(
    `Sign in to ${clientName}`,
    `<form method="post" action="${html(action)}">
<header>
<span class="sandbox">Sandbox: not Microsoft</span>
<h1>Who are you?</h1>
<p>Pick a person to sign in to ${html(clientName)}.</p>
${fault === undefined ? '' : faultLine(fault)}
</header>
<ul>
${people.map(personButton).join('\n')}
</ul>
<footer><button name="person" value="">Cancel</button></footer>
</form>`,
  )
}

/** The page for a request that has no valid redirect. */
export function faultPage(fault: string): string {
  return page(
    'Cannot sign in',
    `<header><span class="sandbox">Sandbox: not Microsoft</span><h1>Cannot sign in</h1>${faultLine(fault)}</header>`,
  )
}

function faultLine(fault: string): string {
  return `<p class="fault" role="alert">${html(fault)}</p>`
}

function page(title: string, main: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${html(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>${main}</main>
</body>
</html>`
}

function personButton(person: SandboxPerson): string {
  const about = [person.jobTitle, ...(person.accountEnabled ? [] : ['account disabled'])]
  return `<li><button name="person" value="${html(person.id)}">
<span class="initials" aria-hidden="true">${html(initials(person.displayName))}</span>
<span class="name">${html(person.displayName)}</span>
<span class="about">${html(about.filter((part) => part !== null).join(' · '))}</span>
</button></li>`
}
