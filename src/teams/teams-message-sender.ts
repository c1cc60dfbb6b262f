import { randomUUID } from 'node:crypto'
import type { Conversation } from '../messages/message.ts'
import { type MessageSender, type RenderedCard, SenderBusy, Unreachable } from '../messages/message-sender.ts'
import { type BotSettings, isServiceUrl } from './bot-settings.ts'
import { ConnectorRefusal, ConnectorSilence } from './connector-client.ts'
import { type ConnectorConversations, connectorConversations } from './connector-conversations.ts'
import { referenceOf } from './conversation.ts'
import { NoToken } from './credentials.ts'
import { cardActivity } from './outgoing-activity.ts'

const MAX_WAIT_MS = 5 * 60_000
/** Used where Teams does not say how long to wait. */
const DEFAULT_WAIT_MS = 2_000

interface Log {
  error(data: object, message: string): void
}

export interface TeamsSenderDeps {
  readonly settings: BotSettings
  /** The tenant of the people to whom it sends. */
  readonly tenantId: string
  readonly log: Log
}

/**
 * Sends messages through Teams. Each method makes one call of Bot Connector; the caller decides whether to try again. A
 * missing token is also logged.
 */
export function teamsMessageSender({ settings, tenantId, log }: TeamsSenderDeps): MessageSender {
  const { appId, serviceUrls } = settings
  const connector = connectorConversations(settings)
  const bot: Bot = { appId, tenantId, serviceUrl: serviceUrls[0] ?? '' }

  async function within<T>(to: Conversation, act: (addressed: object) => Promise<T>): Promise<T> {
    if (!isServiceUrl(to.serviceUrl, serviceUrls))
      throw new Unreachable('That conversation is not in our Teams any more.')
    return await logMissingToken(log, withPortErrors(act(addressOf(to, appId))))
  }

  return {
    open: (objectId) => logMissingToken(log, openChat(connector, bot, objectId)),
    send: (to, message) =>
      within(to, async (addressed) => {
        // The activity answers a random id, as the SDK does to continue a conversation.
        const activity = { ...cardActivity(message), ...addressed, replyToId: randomUUID() }
        return requireId(await connector.reply(to.serviceUrl, to.conversationId, activity))
      }),
    update: (to, reference, message) =>
      within(to, (addressed) =>
        connector.update(to.serviceUrl, to.conversationId, { ...cardActivity(message), ...addressed, id: reference }),
      ),
    post: (channelId, message) => logMissingToken(log, startThread(connector, bot, channelId, message)),
  }
}

function requireId(id: string | undefined): string {
  if (id === undefined) throw new Error('Teams named no id for a message that it took.')
  return id
}

function addressOf(to: Conversation, appId: string): object {
  const { bot, user, ...where } = referenceOf(to, appId)
  return { ...where, from: bot, ...(user === undefined ? {} : { recipient: user }) }
}

/** Logs a missing token. A wrong secret looks like an unreachable authority, and would be retried without a trace. */
async function logMissingToken<T>(log: Log, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (error instanceof SenderBusy && error.cause instanceof NoToken) {
      log.error(
        { err: error.cause },
        'Teams is not reached: check MicrosoftAppPassword, BOT_LOGIN_URL and the connection',
      )
    }
    throw error
  }
}

interface Bot {
  readonly appId: string
  readonly tenantId: string
  readonly serviceUrl: string
}

/** Thread and first message are one call ("Start a new thread in a channel"). */
async function startThread(
  connector: ConnectorConversations,
  { appId, tenantId, serviceUrl }: Bot,
  channelId: string,
  message: RenderedCard,
): Promise<void> {
  const parameters = {
    isGroup: true,
    bot: { id: `28:${appId}`, name: '' },
    tenantId,
    channelData: { channel: { id: channelId }, tenant: { id: tenantId } },
    activity: cardActivity(message),
  }
  await withPortErrors(connector.create(serviceUrl, parameters))
}

/** Teams finds the chat by object id only if the app is installed for the person. */
async function openChat(connector: ConnectorConversations, bot: Bot, objectId: string): Promise<Conversation> {
  const { appId, tenantId, serviceUrl } = bot
  const member = { id: objectId, name: '' }
  const parameters = {
    isGroup: false,
    bot: { id: `28:${appId}`, name: '' },
    members: [member],
    tenantId,
    channelData: { tenant: { id: tenantId } },
  }
  try {
    const conversationId = requireId(await withPortErrors(connector.create(serviceUrl, parameters)))
    return { v: 1, serviceUrl, conversationId, conversationType: 'personal', tenantId }
  } catch (error) {
    throw isUnknownPerson(error) ? new Unreachable('Teams does not know this person.', { cause: error }) : error
  }
}

/** Status 400. In that call only the person can be wrong; all else is our own. */
function isUnknownPerson(error: unknown): boolean {
  return error instanceof ConnectorRefusal && error.status === 400
}

async function withPortErrors<T>(call: Promise<T>): Promise<T> {
  return await call.catch((error: unknown) => {
    throw portError(error)
  })
}

const GONE: Readonly<Record<string, string>> = {
  BotNotInConversationRoster: 'The Latchkey app is not installed there, or was removed.',
  ConversationBlockedByUser: 'The Latchkey app is blocked there.',
  BotDisabledByAdmin: 'An administrator of Teams disabled the Latchkey app.',
  ConversationNotFound: 'The conversation is gone.',
  ActivityNotFoundInConversation: 'The message was deleted.',
}

/**
 * The error that the port promises for an error of Bot Connector. Anything else, for example 413, is returned
 * unchanged: it is a fault in Latchkey.
 */
function portError(error: unknown): unknown {
  if (error instanceof ConnectorSilence) return new SenderBusy(DEFAULT_WAIT_MS, { cause: error })
  if (error instanceof NoToken) return new SenderBusy(DEFAULT_WAIT_MS, { cause: error, refused: true })
  if (!(error instanceof ConnectorRefusal)) return error
  const { status, code, waitMs = DEFAULT_WAIT_MS } = error
  if (status === 412 || status === 429 || status >= 500) {
    return new SenderBusy(Math.min(waitMs, MAX_WAIT_MS), { cause: error, refused: status < 500 })
  }
  if (status !== 403 && status !== 404) return error
  const gone = GONE[code]
  if (gone !== undefined) return new Unreachable(gone, { cause: error })
  // The bot's registration may be refused, which an operator can correct. Unreachable would be final.
  return new SenderBusy(MAX_WAIT_MS, { cause: error, refused: true })
}
