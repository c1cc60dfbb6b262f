import { z } from 'zod'
import type { ChatMessage, Click } from '../interactions/interaction.ts'
import type { Conversation } from '../messages/message.ts'
import type { Caller } from '../rules/caller.ts'
import { type Activity, type OurBot, readActivity } from './activity.ts'
import { readChatLine } from './chat-text.ts'
import { conversationOf } from './conversation.ts'
import type { Connector } from './verify-connector-token.ts'

/** Parses activities of Teams. The route parses each one once, and the adapter forwards the result. */

/** The person who sent an activity, as Bot Connector vouches by its token, and the conversation. */
export interface Sender {
  readonly caller: Caller
  readonly conversation: Conversation
}

export type ActivityContent =
  | { readonly kind: 'message'; readonly sender: Sender; readonly message: ChatMessage }
  | { readonly kind: 'click'; readonly sender: Sender; readonly click: Click }
  /** The client searches for more choices of a form's field. */
  | { readonly kind: 'form-search' }
  | { readonly kind: 'installed'; readonly sender: Sender }
  /** `isInvoke`: Teams waits for an answer, as for every activity of type `invoke`. */
  | { readonly kind: 'unsupported'; readonly reason: string; readonly isInvoke: boolean }

export interface ParsedActivity {
  /** The activity in the form that the SDK needs. */
  readonly activity: Activity
  readonly content: ActivityContent
}

/** @throws Refused if the body is not an activity, or not from our tenant's Teams */
export function parseActivity(body: unknown, connector: Connector, ours: OurBot): ParsedActivity {
  const activity = readActivity(body, connector, ours)
  return { activity, content: contentOf(activity, ours) }
}

const MAX_REASON_LENGTH = 100

function contentOf(activity: Activity, ours: OurBot): ActivityContent {
  const { type, name } = activity
  if (type === 'invoke' && name === 'application/search') return { kind: 'form-search' }
  const read = readerFor(activity)
  if (read === undefined) return unsupported(activity, name === undefined ? type : `${type} ${name}`)
  const caller = callerOf(activity, ours)
  if (caller === undefined) return unsupported(activity, 'no person sent it')
  const conversation = conversationIn(activity, ours)
  if (conversation === undefined) return unsupported(activity, 'its conversation cannot be answered')
  return read(activity, { caller, conversation }) ?? unsupported(activity, `${type} that cannot be read`)
}

function unsupported({ type }: Activity, reason: string): ActivityContent {
  return { kind: 'unsupported', reason: reason.slice(0, MAX_REASON_LENGTH), isInvoke: type === 'invoke' }
}

type ReadContent = (activity: Activity, sender: Sender) => ActivityContent | undefined

function readerFor({ type, name, action = '' }: Activity): ReadContent | undefined {
  if (type === 'message') return readMessage
  if (type === 'invoke' && name === 'adaptiveCard/action') return readClick
  // Teams announces an installation also by a `conversationUpdate` that names the bot. One welcome is enough, so that
  // is ignored.
  if (type === 'installationUpdate' && action.startsWith('add')) return (_, sender) => ({ kind: 'installed', sender })
  return undefined
}

/** @returns undefined if no person sent it, but a bot, a connector or the service itself */
function callerOf({ from }: Activity, { tenantId, appId }: OurBot): Caller | undefined {
  if (from?.aadObjectId === undefined) return undefined
  return {
    tenantId,
    objectId: from.aadObjectId.toLowerCase(),
    name: from.name ?? from.aadObjectId,
    roles: [],
    clientId: appId,
    address: 'teams',
  }
}

function conversationIn({ serviceUrl, conversation, from }: Activity, { tenantId }: OurBot): Conversation | undefined {
  // The tenant may be in `channelData` only. `readActivity` has compared both fields with ours.
  return conversationOf({ serviceUrl, conversation: { ...conversation, tenantId }, user: from })
}

const typed = z.looseObject({
  id: z.string().optional(),
  text: z.string().nullish(),
  recipient: z.looseObject({ id: z.string() }).optional(),
  entities: z.array(z.unknown()).nullish(),
})

function readMessage(activity: Activity, sender: Sender): ActivityContent | undefined {
  const { data } = typed.safeParse(activity)
  if (data === undefined) return undefined
  const text = withoutMention(data.text ?? '', data.entities ?? [], data.recipient?.id)
  return { kind: 'message', sender, message: { id: data.id, text: readChatLine(text) } }
}

const mention = z.looseObject({
  type: z.string().regex(/^mention$/i),
  mentioned: z.looseObject({ id: z.string() }),
  text: z.string(),
})

/** Removes the mention of the bot, with which people address it in a channel. */
function withoutMention(text: string, entities: readonly unknown[], botId: string | undefined): string {
  const mentions = entities.flatMap((entity) => mention.safeParse(entity).data ?? [])
  const own = mentions.find(({ mentioned }) => mentioned.id === botId)
  return own === undefined ? text : text.replace(own.text, '')
}

const executed = z.looseObject({
  action: z.looseObject({ verb: z.string().min(1), data: z.record(z.string(), z.unknown()).nullish() }),
  // The SDK's own parser drops the trigger.
  trigger: z.enum(['manual', 'automatic']).catch('manual'),
})

function readClick({ value, replyToId }: Activity, sender: Sender): ActivityContent | undefined {
  const { data } = executed.safeParse(value)
  if (data === undefined) return undefined
  const { action, trigger } = data
  return { kind: 'click', sender, click: { verb: action.verb, data: action.data ?? {}, reference: replyToId, trigger } }
}
