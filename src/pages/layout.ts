import { html } from 'ghtml'
import type { Session } from './session.ts'
import { STYLE } from './style.ts'

export interface Layout {
  readonly title: string
  /** The person who sees this page. Undefined: nobody is signed in. */
  readonly session: Session | undefined
  /** HTML, already escaped. */
  readonly main: string
}

export function layout({ title, session, main }: Layout): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} · Latchkey</title>
<style>!${STYLE}</style>
</head>
<body>
<header class="bar"><span class="brand">Latchkey</span>!${session === undefined ? '' : signedInAs(session)}</header>
<main>!${main}</main>
</body>
</html>`
}

function signedInAs({ name, csrf }: Session): string {
  return html`<form class="who" method="post" action="/sign-out">
<span>Signed in as ${name}</span>
<input type="hidden" name="csrf" value="${csrf}">
<button>Sign out</button>
</form>`
}

export interface Problem {
  readonly status: number
  readonly title: string
  /** The problem and the next step. */
  readonly sentence: string
  /** A link to the next step. `path` is a path of this origin. */
  readonly next?: { readonly path: string; readonly words: string }
  readonly retryAfterSeconds?: number
}

export function problemPage({ title, sentence, next }: Problem, session: Session | undefined): string {
  const link = next === undefined ? '' : html`<p class="lead"><a href="${next.path}">${next.words}</a></p>`
  const main = html`<div class="head"><h1>${title}</h1><p class="lead">${sentence}</p>!${link}</div>`
  return layout({ title, session, main })
}
