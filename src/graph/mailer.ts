import { GraphError } from '@microsoft/microsoft-graph-client'
import { isLatchkeyError } from '../errors.ts'
import { type Mail, type Mailer, SenderBusy, Unreachable } from '../messages/message-sender.ts'
import { ask, type Log } from './ask.ts'
import { type GraphOptions, graphApi } from './client.ts'

/** Exchange often takes seconds to accept a mail. */
const LONGEST_MS = 8_000
/** However long Graph wants to be left alone, this is asked again sooner: what is waited for may be over by then. */
const LONGEST_WAIT_MS = 5 * 60_000
const HEADER = 'x-latchkey-copy'

/** Codes of Exchange that say that this address, and not the service, is the trouble. */
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
 * Sends through Graph's `sendMail`; needs the application permission Mail.Send, best for that one mailbox only.
 * It is asked once: `sendMail` knows no repetition, and a lost answer may stand for a mail that went out. Repeating is for our caller to decide.
 */
export function graphMailer({ sender, log, ...options }: MailerOptions): Mailer {
  const api = graphApi(options)
  const path = `/users/${encodeURIComponent(sender)}/sendMail`

  return {
    async send(mail) {
      // What comes after 202 is an empty stream; that it was sent at all tells it from a sender who is not there.
      const post = async (limit: AbortSignal) => {
        await api(path, limit).post(messageOf(mail))
        return 'accepted'
      }
      const accepted = await ask(post, AbortSignal.timeout(LONGEST_MS), log).catch((error: unknown) => {
        throw refusalOf(error, log)
      })
      if (accepted === undefined) throw unsendable(log, MISSING)
    },
  }
}

/** Not kept among the sender's sent mails: the record knows what was asked of whom, and a second archive of it would have readers of its own. */
function messageOf({ to, subject, html, id }: Mail): object {
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

/** What `ask` makes of a failure, said in the words of the port. */
function refusalOf(error: unknown, log: MailLog | undefined): unknown {
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
  if (cause instanceof GraphError && isOurFault(cause)) return error
  const refused = cause instanceof GraphError && wasRefused(cause)
  return new SenderBusy(Math.min(error.facts.retryAfterSeconds * 1_000, LONGEST_WAIT_MS), { cause: error, refused })
}

/** The fault of the sender, not of whoever is written to: every mail waits until somebody mends it, and the log says so each time. */
function unsendable(log: MailLog | undefined, sentence: string): SenderBusy {
  log?.error({ sentence }, 'no mail can be sent')
  return new SenderBusy(LONGEST_WAIT_MS, { refused: true })
}

/** Turned away at the door, or without a token to get there. After anything else the mail may be on its way. */
function wasRefused({ statusCode, code }: GraphError): boolean {
  return [401, 429, 503].includes(statusCode) || (statusCode === -1 && code?.startsWith('Authentication') === true)
}

/** A request that Graph cannot read stays unreadable. */
function isOurFault({ statusCode }: GraphError): boolean {
  return statusCode >= 400 && statusCode < 500 && statusCode !== 401 && statusCode !== 408 && statusCode !== 429
}
