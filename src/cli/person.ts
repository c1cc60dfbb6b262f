import type { Command } from 'commander'
import type { z } from 'zod'
import { credentialsAnswer, grantAnswer, grantsAnswer, requestAnswer, requestsAnswer } from '../http/api-schemas.ts'
import { formatDuration } from '../rules/duration.ts'
import { openBrowser } from './browser.ts'
import { type Call, callApi, latchkeyUrl } from './call-api.ts'
import { plain } from './plain.ts'
import { accessToken, signIn, signOut } from './sign-in.ts'

/** What a person does from a terminal: HTTPS to LATCHKEY_URL and nothing else. */

type GrantAnswer = z.output<typeof grantAnswer>
type RequestAnswer = z.output<typeof requestAnswer>

const HOW_TO_ASK = 'Ask with `latchkey request`; `latchkey help request` shows how.'

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

async function ask<S extends z.ZodType>(path: string, shape: S, call: Call = {}): Promise<z.output<S>> {
  const url = latchkeyUrl(process.env.LATCHKEY_URL)
  return await callApi(url, `/api/v1${path}`, shape, { ...call, token: await accessToken(url) })
}

function describe({ levels, scopes, durationMinutes }: RequestAnswer | GrantAnswer): string {
  return `${levels.join('+')} ${scopes.map(plain).join(' ')} for ${formatDuration(durationMinutes)}`
}

function requestLine(request: RequestAnswer): string {
  const grant = request.grantId === null ? '' : `  ${request.grantId}`
  const ticket = request.ticket === '' ? '' : ` (${plain(request.ticket)})`
  const why = `${plain(request.reason)}${ticket}${describeDecision(request)}`
  return `${request.id}  ${request.status}${grant}  ${plain(request.requester)}: ${describe(request)}, because ${why}`
}

function describeDecision({ decision }: RequestAnswer): string {
  if (decision === null) return ''
  return `; decided by ${plain(decision.by)}${decision.comment === '' ? '' : `: ${plain(decision.comment)}`}`
}

function grantLine(grant: GrantAnswer): string {
  const end = grant.endedAt ?? grant.endsAt
  return `${grant.id}  ${grant.status}  ${describe(grant)}${end === null ? '' : `, until ${end}`}${describeWrites(grant)}`
}

/** What CloudTrail told so far. */
function describeWrites({ writes: { counts, bytes, last } }: GrantAnswer): string {
  const told = Object.entries(counts).flatMap(([kind, count]) => (count > 0 ? [`${count} ${kind}`] : []))
  if (told.length === 0) return ''
  const newest = last.find(({ kind }) => kind !== 'denied')
  return `; ${told.join(', ')}, ${bytes} byte${bytes === 1 ? '' : 's'}${newest === undefined ? '' : `, last ${newest.kind} ${plain(newest.uri)}`}`
}

async function login({ browser }: { readonly browser: boolean }): Promise<void> {
  const url = latchkeyUrl(process.env.LATCHKEY_URL)
  const byHand = (link: string) => say(`Open this address to sign in:\n${link}`)
  const who = await signIn(url, (link) => (browser ? openBrowser(link, () => byHand(link)) : byHand(link)))
  say(`You are signed in at ${url}${who === undefined ? '' : ` as ${who}`}.`)
}

async function request(
  level: string,
  scope: string,
  how: { for?: string; because: string; ticket?: string },
): Promise<void> {
  const { for: duration, because: reason, ticket } = how
  const body = {
    levels: level.split(','),
    scope,
    reason,
    ...(duration !== undefined && { duration }),
    ...(ticket !== undefined && { ticket }),
  }
  const asked = await ask('/requests', requestAnswer, { method: 'POST', body })
  print(requestLine(asked))
  say(`Asked: ${asked.asked.map(plain).join(', ')}.`)
}

/** What is decided is what was printed: were it something else by then, Latchkey refuses. */
async function review(id: string, decision: 'approve' | 'deny', comment: string): Promise<void> {
  const path = `/requests/${encodeURIComponent(id)}`
  const shown = await ask(path, requestAnswer)
  print(requestLine(shown))
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

async function listGrants(): Promise<void> {
  const { grants } = await ask('/grants', grantsAnswer)
  for (const one of grants) print(grantLine(one))
  if (grants.length === 0) say(`You have no grants. ${HOW_TO_ASK}`)
}

async function act<S extends z.ZodType>(kind: string, id: string, what: string, shape: S): Promise<z.output<S>> {
  return await ask(`/${kind}/${encodeURIComponent(id)}/${what}`, shape, { method: 'POST' })
}

function signInCommands(program: Command): void {
  program
    .command('login')
    .description('sign in with Entra')
    .option('--no-browser', 'print the link instead of opening it')
    .action(login)
  program.command('logout').description('forget the sign-in on this machine').action(signOut)
}

function requestCommands(program: Command): void {
  program
    .command('request <level> <scope>')
    .description('ask for access, as: request write s3://finance-reports/2026/ --for 45m --because "month-end fix"')
    .option('--for <duration>', 'as 45m, 8h or 2d')
    .requiredOption('--because <reason>', 'what the approver reads')
    .option('--ticket <number>')
    .action(request)
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
      .description(`${decision} a request`)
      .option('--comment <text>', 'what the requester reads', '')
      .action((id: string, { comment }: { readonly comment: string }) => review(id, decision, comment))
  }
}

function grantCommands(program: Command): void {
  program.command('grants').description('your grants').action(listGrants)
  program
    .command('done <grantId>')
    .description('end a grant now')
    .action(async (id: string) => print(grantLine(await act('grants', id, 'end', grantAnswer))))
  program
    .command('credentials <grantId>')
    .description('for `credential_process` in ~/.aws/config: prints the credentials of an active grant as JSON')
    .action(async (id: string) => print(JSON.stringify(await act('grants', id, 'credentials', credentialsAnswer))))
}

export function personCommands(program: Command): void {
  signInCommands(program)
  requestCommands(program)
  grantCommands(program)
}
