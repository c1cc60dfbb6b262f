import { randomUUID } from 'node:crypto'
import type { Conversation } from '../messages/message.ts'
import { type MessageSender, type RenderedCard, SenderBusy, Unreachable } from '../messages/message-sender.ts'
import { type BotSettings, isServiceUrl } from './bot-settings.ts'
import { ConnectorRefusal, ConnectorSilence } from './connector-client.ts'
import { type ConnectorConversations, connectorConversations } from './connector-conversations.ts'
import { referenceOf } from './conversation.ts'
import { NoToken } from './credentials.ts'
import { cardActivity } from './outgoing-activity.ts'

const LONGEST_WAIT_MS = 5 * 60_000
/** Where Teams does not say how long. */
const USUAL_WAIT_MS = 2_000

interface Log {
  error(data: object, message: string): void
}

export interface TeamsSenderDeps {
  readonly settings: BotSettings
  /** Whose people they are. */
  readonly tenantId: string
  readonly log: Log
}

/** Teams as a place where copies are shown: every call is one call, and what is to be tried again is the caller's to say. */
export function teamsMessageSender({ settings, tenantId, log }: TeamsSenderDeps): MessageSender {
  const { appId, serviceUrls } = settings
  const connector = connectorConversations(settings)
  const bot: Bot = { appId, tenantId, serviceUrl: serviceUrls[0] ?? '' }

  async function within<T>(to: Conversation, act: (addressed: object) => Promise<T>): Promise<T> {
    if (!isServiceUrl(to.serviceUrl, serviceUrls))
      throw new Unreachable('That conversation is not in our Teams any more.')
    return await loudly(log, asPort(act(addressOf(to, appId))))
  }

  return {
    open: (objectId) => loudly(log, openChat(connector, bot, objectId)),
    send: (to, message) =>
      within(to, async (addressed) => {
        // As the SDK continues a conversation: in answer to something that is named by chance.
        const activity = { ...cardActivity(message), ...addressed, replyToId: randomUUID() }
        return demandId(await connector.reply(to.serviceUrl, to.conversationId, activity))
      }),
    update: (to, reference, message) =>
      within(to, (addressed) =>
        connector.update(to.serviceUrl, to.conversationId, { ...cardActivity(message), ...addressed, id: reference }),
      ),
    post: (channelId, message) => loudly(log, startThread(connector, bot, channelId, message)),
  }
}

function demandId(id: string | undefined): string {
  if (id === undefined) throw new Error('Teams named no id for a message that it took.')
  return id
}

function addressOf(to: Conversation, appId: string): object {
  const { bot, user, ...where } = referenceOf(to, appId)
  return { ...where, from: bot, ...(user === undefined ? {} : { recipient: user }) }
}

/** A wrong secret looks like an authority that is away, and would be waited for in silence. */
async function loudly<T>(log: Log, work: Promise<T>): Promise<T> {
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
  await asPort(connector.create(serviceUrl, parameters))
}

/** By object id Teams finds the chat only with whom the app is installed for. */
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
    const conversationId = demandId(await asPort(connector.create(serviceUrl, parameters)))
    return { v: 1, serviceUrl, conversationId, conversationType: 'personal', tenantId }
  } catch (error) {
    throw isUnknownPerson(error) ? new Unreachable('Teams does not know this person.', { cause: error }) : error
  }
}

/** Everything in that call is ours but the person. */
function isUnknownPerson(error: unknown): boolean {
  return error instanceof ConnectorRefusal && error.status === 400
}

async function asPort<T>(call: Promise<T>): Promise<T> {
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

/** 413 and whatever else we did wrong stays what it is: a fault. */
function portError(error: unknown): unknown {
  if (error instanceof ConnectorSilence) return new SenderBusy(USUAL_WAIT_MS, { cause: error })
  if (error instanceof NoToken) return new SenderBusy(USUAL_WAIT_MS, { cause: error, refused: true })
  if (!(error instanceof ConnectorRefusal)) return error
  const { status, code, waitMs = USUAL_WAIT_MS } = error
  if (status === 412 || status === 429 || status >= 500) {
    return new SenderBusy(Math.min(waitMs, LONGEST_WAIT_MS), { cause: error, refused: status < 500 })
  }
  if (status !== 403 && status !== 404) return error
  const gone = GONE[code]
  if (gone !== undefined) return new Unreachable(gone, { cause: error })
  // A registration that Teams refuses is mended by somebody; a place that we took for gone never comes back.
  return new SenderBusy(LONGEST_WAIT_MS, { cause: error, refused: true })
}
