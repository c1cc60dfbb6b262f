import type { CloudAdapter, TurnContext } from 'botbuilder'
import type { Conversation } from '../access-requests/copies.ts'
import { type Channel, ChannelBusy, type Message, PlaceGone } from '../cards/channel.ts'
import { cloudAdapter } from './authentication.ts'
import { ConnectorRefusal, ConnectorSilence } from './connector-client.ts'
import { referenceOf } from './conversation.ts'
import { NoToken } from './credentials.ts'
import { cardActivity } from './messages.ts'
import { type BotSettings, isServiceUrl } from './settings.ts'

const LONGEST_WAIT_MS = 5 * 60_000
/** Where Teams does not say how long. */
const USUAL_WAIT_MS = 2_000

interface Log {
  error(data: object, message: string): void
}

export interface ChannelNeeds {
  readonly settings: BotSettings
  /** Whose people they are. */
  readonly tenantId: string
  readonly log: Log
}

/** Teams as a place where copies are shown: every call is one call, and what is to be tried again is the caller's to say. */
export function teamsChannel({ settings, tenantId, log }: ChannelNeeds): Channel {
  const adapter = cloudAdapter(settings)
  const { appId, serviceUrls } = settings

  async function within<T>(to: Conversation, act: (context: TurnContext) => Promise<T>): Promise<T> {
    if (!isServiceUrl(to.serviceUrl, serviceUrls))
      throw new PlaceGone('That conversation is not in our Teams any more.')
    const turn = inTurn((run) => adapter.continueConversationAsync(appId, referenceOf(to, appId), run), act)
    return await loudly(log, turn)
  }

  return {
    open: (objectId) => loudly(log, openChat(adapter, { appId, tenantId, serviceUrl: serviceUrls[0] ?? '' }, objectId)),
    send: (to, message) =>
      within(to, async (context) => {
        const sent = await context.sendActivity(cardActivity(message))
        if (!sent?.id) throw new Error('Teams named no id for a message that it took.')
        return sent.id
      }),
    update: (to, reference, message) =>
      within(to, async (context) => {
        await context.updateActivity({ ...cardActivity(message), id: reference })
      }),
    post: (channelId, message) =>
      loudly(log, startThread(adapter, { appId, tenantId, serviceUrl: serviceUrls[0] ?? '' }, channelId, message)),
  }
}

/** A wrong secret looks like an authority that is away, and would be waited for in silence. */
async function loudly<T>(log: Log, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (error instanceof ChannelBusy && error.cause instanceof NoToken) {
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
async function startThread(adapter: CloudAdapter, bot: Bot, channelId: string, message: Message): Promise<void> {
  const parameters = {
    isGroup: true,
    bot: { id: `28:${bot.appId}`, name: '' },
    tenantId: bot.tenantId,
    channelData: { channel: { id: channelId }, tenant: { id: bot.tenantId } },
    activity: cardActivity(message),
  }
  await inTurn(creating(adapter, bot, parameters), async () => undefined)
}

function creating(adapter: CloudAdapter, { appId, serviceUrl }: Bot, parameters: object) {
  return (turn: (context: TurnContext) => Promise<void>) =>
    // The SDK's types ask for a topic, members and a first message: a chat of two has not all of them, nor has a thread.
    adapter.createConversationAsync(
      appId,
      'msteams',
      serviceUrl,
      '',
      parameters as Parameters<CloudAdapter['createConversationAsync']>[4],
      turn,
    )
}

/** By object id Teams finds the chat only with whom the app is installed for. */
async function openChat(adapter: CloudAdapter, bot: Bot, objectId: string): Promise<Conversation> {
  const { appId, tenantId, serviceUrl } = bot
  const member = { id: objectId, name: '' }
  const parameters = {
    isGroup: false,
    bot: { id: `28:${appId}`, name: '' },
    members: [member],
    tenantId,
    channelData: { tenant: { id: tenantId } },
  }
  const made = inTurn(
    creating(adapter, bot, parameters),
    async ({ activity }): Promise<Conversation> => ({
      v: 1,
      serviceUrl,
      conversationId: activity.conversation.id,
      conversationType: 'personal',
      tenantId,
    }),
  )
  return await made.catch((error: unknown) => {
    throw isUnknownPerson(error) ? new PlaceGone('Teams does not know this person.', { cause: error }) : error
  })
}

/** Everything in that call is ours but the person. */
function isUnknownPerson(error: unknown): boolean {
  return error instanceof ConnectorRefusal && error.status === 400
}

/** The SDK may end a turn well in which something went wrong: what was thrown is kept, and thrown again outside. */
async function inTurn<T>(
  run: (turn: (context: TurnContext) => Promise<void>) => Promise<void>,
  act: (context: TurnContext) => Promise<T>,
): Promise<T> {
  const done: ({ readonly value: T } | { readonly error: unknown })[] = []
  try {
    await run(async (context) => {
      try {
        done.push({ value: await act(context) })
      } catch (error) {
        done.push({ error })
      }
    })
  } catch (error) {
    throw portError(error)
  }
  const [result] = done
  if (result === undefined) throw new Error('The SDK did not run the turn.')
  if ('error' in result) throw portError(result.error)
  return result.value
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
  if (error instanceof ConnectorSilence) return new ChannelBusy(USUAL_WAIT_MS, { cause: error })
  if (error instanceof NoToken) return new ChannelBusy(USUAL_WAIT_MS, { cause: error, refused: true })
  if (!(error instanceof ConnectorRefusal)) return error
  const { status, code, waitMs = USUAL_WAIT_MS } = error
  if (status === 412 || status === 429 || status >= 500) {
    return new ChannelBusy(Math.min(waitMs, LONGEST_WAIT_MS), { cause: error, refused: status < 500 })
  }
  if (status !== 403 && status !== 404) return error
  const gone = GONE[code]
  if (gone !== undefined) return new PlaceGone(gone, { cause: error })
  // A registration that Teams refuses is mended by somebody; a place that we took for gone never comes back.
  return new ChannelBusy(LONGEST_WAIT_MS, { cause: error, refused: true })
}
