import { askBody, extendBody, requestsAnswer, reviewBody } from '../../http/api-schemas.ts'
import { requestViewSchema } from '../../views/request-view.ts'
import { plain } from '../plain.ts'
import { print, say } from '../terminal.ts'
import { act, ask } from './call-server.ts'
import { checkTyped } from './check-typed.ts'
import { agree } from './confirm.ts'
import { HOW_TO_ASK, previewLines, requestLine } from './describe.ts'

/** The commands that ask, list, review and cancel. */

export interface How {
  readonly for?: string
  readonly because: string
  readonly ticket?: string
}

export async function request(level: string, scopes: readonly string[], how: How): Promise<void> {
  const body = { levels: level.split(','), scopes, ...reasonOf(how) }
  checkTyped(askBody, body)
  await askFor('/requests', body)
}

export async function extend(grantId: string, how: How): Promise<void> {
  const body = reasonOf(how)
  checkTyped(extendBody, body)
  await askFor(`/grants/${encodeURIComponent(grantId)}/extend`, body)
}

function reasonOf({ for: duration, because: reason, ticket }: How) {
  return { reason, ...(duration !== undefined && { duration }), ...(ticket !== undefined && { ticket }) }
}

async function askFor(path: string, body: object): Promise<void> {
  const asked = await ask(path, requestViewSchema, { method: 'POST', body })
  print(requestLine(asked))
  for (const line of previewLines(asked)) say(line)
  say(`Asked: ${asked.asked.map(plain).join(', ')}.`)
}

export interface Review {
  readonly comment: string
  readonly yes?: true
}

/**
 * Prints the request, then sends the decision with the version that was printed. Latchkey refuses it when the request
 * has changed.
 */
export async function review(id: string, decision: 'approve' | 'deny', { comment, yes }: Review): Promise<void> {
  checkTyped(reviewBody, { decision, comment })
  const path = `/requests/${encodeURIComponent(id)}`
  const printed = await ask(path, requestViewSchema)
  print(requestLine(printed))
  // A decided request is sent too: the refusal of Latchkey says who decided.
  if (printed.status === 'pending') {
    for (const line of previewLines(printed)) say(line)
    if (!yes) await agree(decision === 'approve' ? 'Approve it?' : 'Deny it?')
  }
  const body = { decision, comment, version: printed.version }
  print(requestLine(await ask(`${path}/reviews`, requestViewSchema, { method: 'POST', body })))
}

export async function listRequests({ toReview }: { readonly toReview?: true }): Promise<void> {
  const { requests } = await ask(`/requests?role=${toReview ? 'approver' : 'requester'}`, requestsAnswer)
  for (const one of requests) print(requestLine(one))
  if (requests.length > 0) return
  say(
    toReview
      ? 'Nothing waits for your review. What somebody asks of you is listed here, and comes to you in Teams and by mail.'
      : `You have asked for nothing yet. ${HOW_TO_ASK}`,
  )
}

export async function cancel(id: string): Promise<void> {
  print(requestLine(await act('requests', id, 'cancel', requestViewSchema)))
}
