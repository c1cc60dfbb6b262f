import type { IncomingMessage } from 'node:http'
import { json } from 'node:stream/consumers'
import { z } from 'zod'
import type { Mailboxes } from '../mailbox/index.ts'
import { GraphFault } from './graph-errors.ts'

/** `POST /users/{sender}/sendMail` (Graph reference, "user: sendMail", "message resource type"). */

const MOST_HEADERS = 5
const address = z.strictObject({ emailAddress: z.strictObject({ address: z.string(), name: z.string().optional() }) })

const bodySchema = z.strictObject({
  message: z.strictObject({
    subject: z.string().default(''),
    body: z.strictObject({ contentType: z.string().regex(/^(html|text)$/i), content: z.string() }),
    toRecipients: z.array(address).default([]),
    internetMessageHeaders: z.array(z.strictObject({ name: z.string(), value: z.string() })).default([]),
  }),
  saveToSentItems: z.boolean().default(true),
})

export interface Post {
  readonly boxes: Pick<Mailboxes, 'deliver'>
  /** The mailboxes that the app may send from (RBAC for Applications). */
  readonly senders: readonly string[]
  /** True when the sender's account exists. */
  readonly isKnown: (sender: string) => boolean
}

/** Graph accepts a mail before it is delivered. A wrong address shows later, as a bounce. */
export async function sendMail({ boxes, senders, isKnown }: Post, sender: string, request: IncomingMessage) {
  const from = senders.find((one) => one.toLowerCase() === sender)
  if (from === undefined && !isKnown(sender)) {
    throw new GraphFault(404, 'ErrorInvalidUser', `The requested user '${sender}' is invalid.`)
  }
  if (from === undefined) throw accessDenied()
  const body = bodySchema.safeParse(await json(request).catch(() => undefined))
  if (!body.success) throw new GraphFault(400, 'RequestBodyRead', 'The payload cannot be read as a message to send.')
  const { subject, body: content, toRecipients, internetMessageHeaders } = body.data.message
  const to = toRecipients.map(({ emailAddress }) => emailAddress.address)
  refuseRecipients(to)
  refuseHeaders(internetMessageHeaders)
  const headers = Object.fromEntries(internetMessageHeaders.map(({ name, value }) => [name, value]))
  boxes.deliver({ from, to, subject, html: content.content, headers })
}

export function accessDenied(): GraphFault {
  return new GraphFault(403, 'ErrorAccessDenied', 'Access is denied. Check credentials and try again.')
}

function refuseRecipients(to: readonly string[]): void {
  if (to.length > 0 && to.every((one) => /^[^\s@<>,;"]+@[^\s@<>,;"]+$/.test(one))) return
  throw new GraphFault(400, 'ErrorInvalidRecipients', 'At least one recipient is not valid.')
}

function refuseHeaders(headers: readonly { readonly name: string }[]): void {
  const wrong = headers.find(({ name }) => !/^x-/i.test(name))
  if (wrong !== undefined) {
    const problem = `The internet message header name '${wrong.name}' should start with 'x-' or 'X-'.`
    throw new GraphFault(400, 'InvalidInternetMessageHeader', problem)
  }
  if (headers.length <= MOST_HEADERS) return
  const problem = `Maximum number of headers in one message should be less than or equal to ${MOST_HEADERS}.`
  throw new GraphFault(400, 'InvalidInternetMessageHeaderCollection', problem)
}
