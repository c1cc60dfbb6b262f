import type { ConversationReference } from 'botbuilder'
import { type Conversation, conversation } from '../messages/message.ts'

/** The SDK's conversation references and ours. In a channel the thread is part of the conversation's id. */

export function referenceOf(from: Conversation, appId: string): Partial<ConversationReference> {
  const { serviceUrl, conversationId, conversationType, tenantId, userId } = from
  return {
    channelId: 'msteams',
    serviceUrl,
    bot: { id: `28:${appId}`, name: '' },
    conversation: {
      id: conversationId,
      conversationType,
      isGroup: conversationType !== 'personal',
      tenantId,
      name: '',
    },
    ...(userId === undefined ? {} : { user: { id: userId, name: '' } }),
  }
}

/** A conversation reference or an activity, as far as a conversation stands in it. */
interface Place {
  readonly serviceUrl?: unknown
  readonly conversation?: { readonly id?: unknown; readonly conversationType?: unknown; readonly tenantId?: unknown }
  readonly user?: { readonly id: string } | undefined
}

/** Undefined: something is missing that a message cannot be sent without. */
export function conversationOf({ serviceUrl, conversation: of, user }: Place): Conversation | undefined {
  return conversation.safeParse({
    v: 1,
    serviceUrl,
    conversationId: of?.id,
    conversationType: of?.conversationType,
    tenantId: of?.tenantId,
    ...(user === undefined ? {} : { userId: user.id }),
  }).data
}
