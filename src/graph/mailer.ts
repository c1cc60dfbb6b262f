import { GraphError } from '@microsoft/microsoft-graph-client'
import { isLatchkeyError } from '../errors.ts'
import { type Mail, type Mailer, SenderBusy, Unreachable } from '../messages/message-sender.ts'
import { ask, type Log } from './call-graph.ts'
import { type GraphOptions, graphApi } from './client.ts'

/** Exchange often takes seconds to accept a mail. */
const TIMEOUT_MS = 8_000
/** Longest pause before the next attempt, even if Graph asks for more: by then the fault may be mended. */
const MAX_WAIT_MS = 5 * 60_000
const HEADER = 'x-latchkey-copy'

/** Error codes of Exchange for a wrong address. */
const UNROUTABLE = new Set(['ErrorInvalidRecipients', 'ErrorInvalidSmtpAddress', 'ErrorRecipientNotFound'])

const MISSING = 'Exchange has no mailbox for MAIL_SENDER. Correct it, or give that account a mailbox.'

interface MailLog extends Log {
  error(data: object, message: string): void
}

interface MailerOptions extends GraphOptions {
  /** The mailbox that sends: a sign-in name or an object id. */
  readonly sender: string
  readonly log?: MailLog
}

/**
 * Sends mail with Graph's `sendMail`. Needs the application permission Mail.Send, best limited to the mailbox `sender`.
 * It tries once: `sendMail` does not detect repetitions, and after a lost answer the mail may have been sent. The
 * caller decides about a retry.
 */
export function graphMailer({ sender, log, ...options }: MailerOptions): Mailer {
  const api = graphApi(options)
  const path = `/users/${encodeURIComponent(sender)}/sendMail`

  return {
    async send(mail) {
      // The body after 202 is empty. A value of our own distinguishes it from the `undefined` of a missing sender.
      const post = async (limit: AbortSignal) => {
        await api(path, limit).post(graphMessage(mail))
        return 'accepted'
      }
      const accepted = await ask(post, AbortSignal.timeout(TIMEOUT_MS), log).catch((error: unknown) => {
        throw senderError(error, log)
      })
      if (accepted === undefined) throw unsendable(log, MISSING)
    },
  }
}

/**
 * The mail is not saved in Sent Items: people who can read the sending mailbox should not see these facts, and the
 * record has them.
 */
function graphMessage({ to, subject, html, id }: Mail): object {
  return {
    message: {
      subject,
      body: { contentType: 'HTML', content: html },
      toRecipients: [{ emailAddress: { address: to } }],
      internetMessageHeaders: [{ name: HEADER, value: id }],
    },
    saveToSentItems: false,
  }
}

/** Turns an error of `ask` into an error of the port `Mailer`. */
function senderError(error: unknown, log: MailLog | undefined): unknown {
  if (!isLatchkeyError(error, 'UNAVAILABLE')) return error
  const { cause } = error
  if (cause instanceof GraphError && cause.statusCode === 404) return unsendable(log, MISSING)
  if (cause instanceof GraphError && cause.statusCode === 403) {
    return unsendable(
      log,
      'Exchange refused to send for MAIL_SENDER. Give the registration Mail.Send for that mailbox.',
    )
  }
  if (cause instanceof GraphError && UNROUTABLE.has(cause.code ?? '')) {
    return new Unreachable('Exchange knows no way to this address. Correct it in the directory.', { cause: error })
  }
  if (cause instanceof GraphError && isBadRequest(cause)) return error
  const refused = cause instanceof GraphError && wasRefused(cause)
  return new SenderBusy(Math.min(error.facts.retryAfterSeconds * 1_000, MAX_WAIT_MS), { cause: error, refused })
}

/**
 * The sending mailbox is at fault, not the recipient. Every mail waits until the operator corrects the mailbox. Each
 * attempt logs the fault.
 */
function unsendable(log: MailLog | undefined, sentence: string): SenderBusy {
  log?.error({ sentence }, 'no mail can be sent')
  return new SenderBusy(MAX_WAIT_MS, { refused: true })
}

/**
 * Whether Graph refused the request, or no token was available. After any other failure the mail may have been sent.
 */
function wasRefused({ statusCode, code }: GraphError): boolean {
  return [401, 429, 503].includes(statusCode) || (statusCode === -1 && code?.startsWith('Authentication') === true)
}

/** Whether the request itself is wrong, so that a retry cannot help. */
function isBadRequest({ statusCode }: GraphError): boolean {
  return statusCode >= 400 && statusCode < 500 && statusCode !== 401 && statusCode !== 408 && statusCode !== 429
}
