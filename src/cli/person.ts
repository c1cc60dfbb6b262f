import type { Command } from 'commander'
import { askBody, extendBody, requestAnswer, requestsAnswer, reviewBody } from '../http/api-schemas.ts'
import { agree } from './agree.ts'
import { openBrowser } from './browser.ts'
import { latchkeyUrl } from './call-api.ts'
import { HOW_TO_ASK, previewLines, requestLine } from './describe.ts'
import { grantCommands } from './person-grants.ts'
import { plain } from './plain.ts'
import { signIn, signOut } from './sign-in.ts'
import { act, ask, print, say } from './terminal.ts'
import { checkTyped } from './typed.ts'

/** What a person does from a terminal: HTTPS to LATCHKEY_URL and nothing else. */

async function login({ browser }: { readonly browser: boolean }): Promise<void> {
  const url = latchkeyUrl(process.env.LATCHKEY_URL)
  const byHand = (link: string) =>
    say(`Open this address in a browser on this machine within five minutes, to sign in:\n${link}`)
  const who = await signIn(url, (link) => {
    if (!browser) return byHand(link)
    say('Sign in with the browser that opens on this machine. Latchkey waits five minutes for it.')
    openBrowser(link, () => byHand(link))
  })
  say(`You are signed in at ${url}${who === undefined ? '' : ` as ${who}`}.`)
}

async function logout(): Promise<void> {
  await signOut()
  say('You are signed out on this machine.')
}

interface How {
  readonly for?: string
  readonly because: string
  readonly ticket?: string
}

async function request(level: string, scopes: readonly string[], how: How): Promise<void> {
  const body = { levels: level.split(','), scopes, ...reasonOf(how) }
  checkTyped(askBody, body)
  await askFor('/requests', body)
}

async function extend(grantId: string, how: How): Promise<void> {
  const body = reasonOf(how)
  checkTyped(extendBody, body)
  await askFor(`/grants/${encodeURIComponent(grantId)}/extend`, body)
}

function reasonOf({ for: duration, because: reason, ticket }: How) {
  return { reason, ...(duration !== undefined && { duration }), ...(ticket !== undefined && { ticket }) }
}

async function askFor(path: string, body: object): Promise<void> {
  const asked = await ask(path, requestAnswer, { method: 'POST', body })
  print(requestLine(asked))
  for (const line of previewLines(asked)) say(line)
  say(`Asked: ${asked.asked.map(plain).join(', ')}.`)
}

interface Review {
  readonly comment: string
  readonly yes?: true
}

/** What is decided is what was printed: were it something else by then, Latchkey refuses. */
async function review(id: string, decision: 'approve' | 'deny', { comment, yes }: Review): Promise<void> {
  checkTyped(reviewBody, { decision, comment })
  const path = `/requests/${encodeURIComponent(id)}`
  const shown = await ask(path, requestAnswer)
  print(requestLine(shown))
  // Of what is decided already Latchkey says by whom.
  if (shown.status === 'pending') {
    for (const line of previewLines(shown)) say(line)
    if (!yes) await agree(decision === 'approve' ? 'Approve it?' : 'Deny it?')
  }
  const body = { decision, comment, version: shown.version }
  print(requestLine(await ask(`${path}/reviews`, requestAnswer, { method: 'POST', body })))
}

async function listRequests({ toReview }: { readonly toReview?: true }): Promise<void> {
  const { requests } = await ask(`/requests?role=${toReview ? 'approver' : 'requester'}`, requestsAnswer)
  for (const one of requests) print(requestLine(one))
  if (requests.length > 0) return
  say(
    toReview
      ? 'Nothing waits for your review. What somebody asks of you is listed here, and comes to you in Teams and by mail.'
      : `You have asked for nothing yet. ${HOW_TO_ASK}`,
  )
}

function signInCommands(program: Command): void {
  program
    .command('login')
    .description('sign in with Entra')
    .option('--no-browser', 'print the link instead of opening it')
    .action(login)
  program.command('logout').description('forget the sign-in on this machine').action(logout)
}

function requestCommands(program: Command): void {
  program
    .command('request <level> <scopes...>')
    .description('ask for access, as: request write s3://finance-reports/2026/ --for 45m --because "month-end fix"')
    .option('--for <duration>', 'as 45m, 8h or 2d')
    .requiredOption('--because <reason>', 'what the approver reads')
    .option('--ticket <number>')
    .action(request)
  program
    .command('extend <grantId>')
    .description('ask for a live grant to go on; somebody says yes anew')
    .option('--for <duration>', 'counted from the yes, as 45m, 8h or 2d')
    .requiredOption('--because <reason>', 'what the approver reads')
    .option('--ticket <number>')
    .action(extend)
  program
    .command('requests')
    .description('your requests')
    .option('--to-review', 'those you were asked to review')
    .action(listRequests)
  program
    .command('cancel <requestId>')
    .description('take a request back')
    .action(async (id: string) => print(requestLine(await act('requests', id, 'cancel', requestAnswer))))
  for (const decision of ['approve', 'deny'] as const) {
    program
      .command(`${decision} <requestId>`)
      .description(`${decision} a request: shows what it would allow and what not, and asks before it is decided`)
      .option('--comment <text>', 'what the requester reads', '')
      .option('--yes', 'do not ask; without a terminal nothing is decided unless this is given')
      .action((id: string, options: Review) => review(id, decision, options))
  }
}

export function personCommands(program: Command): void {
  signInCommands(program)
  requestCommands(program)
  grantCommands(program)
}
